/*
 * cross_entropy.cu - softmax and negative log-likelihood of the target, gradient in place
 *
 *   loss = m + log(sum_v e^(l[v] - m)) - l[target],  m = max_v l[v]
 *   dl[v] = scale * (e^(l[v] - m) / sum - [v == target])
 *
 * Mapping  one block a row. Online softmax: each thread keeps a maximum and a sum of its own, then the block
 *          joins them; the second pass finds the row in the L2 cache.
 * Numerics sums in f32, by thread, then by a tree.
 * Cost     reads and writes N*V elements once in memory.
 * Oracle   kernels/cpu/cross_entropy.c
 * Source   Milakov & Gimelshein 2018, arXiv:1805.02867 (online softmax)
 */
#include "kernels/cuda/common.cuh"

enum { THREADS = 512 };

#define LOG2E 1.44269504088896340736f

/* Computes the maximum, and the sum of e^(x - maximum), over this thread's part of a row. */
template <class T, bool wide> DEVICE void row_part(const T *l, int V, float *max, float *sum)
{
    float m = -INFINITY, total = 0;
    for (int v = threadIdx.x * VEC; v < V; v += THREADS * VEC) {
        float x[VEC], top = m;
        get_some<wide>(x, l + v, V - v);
#pragma unroll
        for (int i = 0; i < VEC; i++) {
            x[i] = wide || v + i < V ? x[i] : -INFINITY;
            top = fmaxf(top, x[i]);
        }
        if (top == -INFINITY)
            continue;
        total *= exp2f((m - top) * LOG2E);
        m = top;
#pragma unroll
        for (int i = 0; i < VEC; i++)
            total += exp2f((x[i] - m) * LOG2E);
    }
    *max = m;
    *sum = total;
}

template <class T, bool wide>
KERNEL(THREADS)
cross_entropy_kernel(float *loss, T *logits, const int32_t *targets, int V, float scale)
{
    STATIC_SHARED(float, maxima, THREADS / WARP);
    STATIC_SHARED(float, sums, THREADS / WARP);
    int target = targets[blockIdx.x];
    T *l = logits + (size_t)blockIdx.x * V;
    bool owner = (target < 0 ? 0 : target / VEC % THREADS) ==
                 (int)threadIdx.x; /* this thread writes the target's gradient */
    float m = 0, k = 0, d = 0, nll = 0;
    if (target >= 0) {
        float mine, part;
        row_part<T, wide>(l, V, &mine, &part);
        m = block_max(mine, maxima);
        float sum = block_sum(mine == -INFINITY ? 0 : part * exp2f((mine - m) * LOG2E), sums);
        k = scale / sum;
        if (owner) {
            nll = (float)(log((double)sum) + ((double)m - (double)get(l + target)));
            /* p - 1 = -(sum of the others): expm1 keeps it exact when p is near 1 */
            d = (float)((double)scale * expm1(-(double)nll));
        }
    }
    if (owner)
        loss[blockIdx.x] = nll;
    for (int v = threadIdx.x * VEC; scale != 0 && v < V; v += THREADS * VEC) {
        float x[VEC];
        get_some<wide>(x, l + v, V - v);
#pragma unroll
        for (int i = 0; i < VEC; i++)
            x[i] = target < 0 ? 0 : v + i == target ? d : k * exp2f((x[i] - m) * LOG2E);
        put_some<wide>(l + v, x, V - v);
    }
}

template <class T, bool wide>
static void rows(cudaStream_t s, float *loss, void *logits, const int32_t *targets, int N, int V, float scale)
{
    LAUNCH((cross_entropy_kernel<T, wide>), (unsigned)N, THREADS, 0, s, loss, (T *)logits, targets, V, scale);
}

void cuda_cross_entropy(cudaStream_t s, enum dtype act, float *loss, void *logits, const int32_t *targets,
                        int N, int V, float scale)
{
    FOR_ACT(act, V % VEC == 0 && aligned16(logits), rows, s, loss, logits, targets, N, V, scale);
}
