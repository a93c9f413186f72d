/*
 * cross_entropy.c - softmax and negative log-likelihood of the target, gradient in place
 *
 *   loss = m + log(sum_v e^(l[v] - m)) - l[target],  m = max_v l[v]
 *   dl[v] = scale * (e^(l[v] - m) / sum - [v == target])
 *
 * Numerics the sum in f32 by lanes, carried to double every CHUNK elements.
 * Cost     reads each row twice; the row and its exponentials, one row of f32 a thread, stay in the cache.
 */
#include "kernels/cpu/device.h"
#include "kernels/cpu/table.h"
#include "kernels/vec.h"

enum { CHUNK = 4096 };

INLINE float row_max(const void *l, int V, enum dtype t)
{
    vf m0 = vset(-INFINITY), m1 = m0;
    int v = 0;
    for (; v + 2 * VL <= V; v += 2 * VL) {
        m0 = vmax(m0, vload(l, v, t));
        m1 = vmax(m1, vload(l, v + VL, t));
    }
    for (; v < V; v += VL)
        m0 = vmax(m0, V - v >= VL ? vload(l, v, t) : vkeep(vload_part(l, v, V - v, t), 0, V - v, -INFINITY));
    return vmaximum(vmax(m0, m1));
}

/* Writes e^(l - m) to e, V elements up to the next multiple of VL, and returns its sum. */
INLINE double row_exponentials(float *e, const void *l, int V, float m, enum dtype t)
{
    double sum = 0;
    for (int from = 0; from < V; from += CHUNK) {
        int to = V - from > CHUNK ? from + CHUNK : V;
        vf s = vzero();
        for (int v = from; v < to; v += VL) {
            vf x = vexp(vget(l, v, to - v, t) - m);
            x = to - v >= VL ? x : vkeep(x, 0, to - v, 0);
            vstore_f32(e + v, x);
            s += x;
        }
        sum += vsum(s);
    }
    return sum;
}

INLINE float element(const void *p, size_t i, enum dtype t)
{
    return t == DTYPE_BF16 ? bf16_to_float(((const uint16_t *)p)[i]) : ((const float *)p)[i];
}

INLINE float row(float *e, void *l, int target, int V, float scale, enum dtype t)
{
    if (target < 0) {
        if (scale != 0)
            memset(l, 0, V * dtype_bytes(t));
        return 0;
    }
    float m = row_max(l, V, t), logit = element(l, target, t);
    double sum = row_exponentials(e, l, V, m, t);
    float loss = (float)(log(sum) + ((double)m - logit));
    if (scale == 0)
        return loss;
    float k = (float)(scale / sum);
    for (int v = 0; v < V; v += VL)
        vput(l, v, V - v, vload_f32(e + v) * k, t);
    /* p - 1 = -(sum of the others): expm1 keeps it exact when p is near 1 */
    float d = (float)((double)scale * expm1(-(double)loss));
    if (t == DTYPE_BF16)
        ((uint16_t *)l)[target] = bf16_from_float(d);
    else
        ((float *)l)[target] = d;
    return loss;
}

INLINE void rows(struct device *dev, float *loss, void *logits, const int32_t *targets, int N, int V,
                 float scale, enum dtype t)
{
    size_t stride = ((size_t)V + 15) & ~(size_t)15;
    float *e = device_scratch(dev, SCRATCH_PARTIAL, dev->threads * stride * sizeof *e);
#pragma omp parallel for num_threads(dev->threads) schedule(static)
    for (int n = 0; n < N; n++) {
        assert(targets[n] < V);
        loss[n] =
            row(e + omp_get_thread_num() * stride, act_at(logits, (size_t)n * V, t), targets[n], V, scale, t);
    }
}

void cross_entropy(struct device *dev, float *loss, void *logits, const int32_t *targets, int N, int V,
                   float scale)
{
    FOR_ACT(dev, rows, dev, loss, logits, targets, N, V, scale);
}
