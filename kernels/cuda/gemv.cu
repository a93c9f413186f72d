/*
 * gemv.cu - y = W x: a linear layer for one token, as in generation
 *
 * Shapes   W (O,I), x (I), y (O) is written. Wide accesses where I is a multiple of VEC and W and x are
 *          aligned.
 * Mapping  one warp a row of W. The row is prefetched into the L2 cache before the preceding kernels have
 *          ended, so that the memory is busy while x is still being computed.
 * Numerics f32, each lane every 32nd group of VEC elements, then a tree; one rounding at the store.
 * Cost     bound by memory: W is read once. A row is fetched into the L2 cache as a whole, and into registers
 *          2 to 4 strips at a time.
 * Oracle   kernels/cpu/gemv.c
 */
#include "kernels/cuda/common.cuh"

/* Blocks have few threads, so that the rows of a small matrix spread evenly over the processors. AT_ONCE is a
 * guess. */
enum { THREADS = 128, WARPS = THREADS / WARP, STRIP = WARP * VEC, AT_ONCE = 4 };

/* Adds the lane's elements of `strips` strips, all of which are loaded before the first is used. */
template <bool wide, int strips, class T>
DEVICE void add_strips(float &sum, const T *row, const T *x, long left)
{
    float w[strips][VEC], v[strips][VEC];
#pragma unroll
    for (int s = 0; s < strips; s++) {
        get_some<wide>(w[s], row + s * STRIP, left - s * STRIP);
        get_some<wide>(v[s], x + s * STRIP, left - s * STRIP);
    }
#pragma unroll
    for (int s = 0; s < strips; s++)
#pragma unroll
        for (int k = 0; k < VEC; k++)
            sum += w[s][k] * v[s][k];
}

template <class T, bool wide> KERNEL(THREADS) gemv_kernel(T *y, const T *W, const T *x, int I, int O)
{
    int lane = threadIdx.x % WARP, o = blockIdx.x * WARPS + threadIdx.x / WARP, i = lane * VEC;
    const T *row = W + (size_t)o * I;
    start_next();
    if (wide && lane == 0 && o < O)
        prefetch(row, I * sizeof(T));
    await_previous();
    if (o >= O)
        return;
    float sum = 0;
    for (; i + (AT_ONCE - 1) * STRIP < I; i += AT_ONCE * STRIP)
        add_strips<wide, AT_ONCE>(sum, row + i, x + i, wide ? AT_ONCE * STRIP : I - i);
    for (; i < I; i += STRIP)
        add_strips<wide, 1>(sum, row + i, x + i, wide ? STRIP : I - i);
    sum = warp_sum(sum);
    if (lane == 0)
        put(y + o, sum);
}

template <class T, bool wide>
static void gemv(cudaStream_t s, void *y, const void *W, const void *x, int I, int O)
{
    LAUNCH_EARLY(true, (gemv_kernel<T, wide>), (unsigned)ceil_div(O, WARPS), THREADS, 0, s, (T *)y,
                 (const T *)W, (const T *)x, I, O);
}

void cuda_gemv(cudaStream_t s, enum dtype act, void *y, const void *W, const void *x, int I, int O)
{
    FOR_ACT(act, I % VEC == 0 && aligned16(W, x), gemv, s, y, W, x, I, O);
}
