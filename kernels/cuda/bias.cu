/*
 * bias.cu - adds a vector to each row, and sums rows for its gradient
 *
 *   y[n,o] += b[o];  db[o] = or += sum_n dy[n,o]
 *
 * Mapping  forward: a thread takes VEC elements of a row. backward: a block takes WARP columns; each of its
 *          warps sums every WARPS-th row, then the first warp adds the sums of the warps in order.
 * Numerics sums in f32.
 * Cost     bound by memory: forward moves 2 elements a result, backward reads dy once.
 * Oracle   kernels/cpu/bias.c
 */
#include "kernels/cuda/common.cuh"

enum { THREADS = 256, SUM_WARPS = 16, SUM_THREADS = SUM_WARPS * WARP };

template <class T, bool wide> KERNEL(THREADS) forward_kernel(T *y, const float *b, int N, int O)
{
    unsigned each = ((unsigned)O + VEC - 1) / VEC, i = blockIdx.x * THREADS + threadIdx.x;
    size_t n = i / each;
    int o = (int)(i % each) * VEC;
    start_next();
    await_previous();
    if (n >= (size_t)N)
        return;
    float sum[VEC], bias[VEC];
    get_some<wide>(sum, y + n * O + o, O - o);
    get_some<wide>(bias, b + o, O - o);
#pragma unroll
    for (int k = 0; k < VEC; k++)
        sum[k] += bias[k];
    put_some<wide>(y + n * O + o, sum, O - o);
}

template <class T> KERNEL(SUM_THREADS) backward_kernel(float *db, const T *dy, int N, int O, bool accumulate)
{
    STATIC_SHARED(float, sums, SUM_THREADS);
    int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, o = blockIdx.x * WARP + lane;
    float sum = 0;
    for (int n = warp; n < N && o < O; n += SUM_WARPS)
        sum += get(dy + (size_t)n * O + o);
    sums[threadIdx.x] = sum;
    __syncthreads();
    if (warp > 0 || o >= O)
        return;
    for (int w = 1; w < SUM_WARPS; w++)
        sum += sums[w * WARP + lane];
    db[o] = (accumulate ? db[o] : 0) + sum;
}

template <class T, bool wide> static void forward(cudaStream_t s, void *y, const float *b, int N, int O)
{
    unsigned blocks = blocks_of((size_t)N * ceil_div(O, VEC), THREADS);
    LAUNCH_EARLY(N == 1, (forward_kernel<T, wide>), blocks, THREADS, 0, s, (T *)y, b, N, O);
}

void cuda_bias_forward(cudaStream_t s, enum dtype act, void *y, const float *b, int N, int O)
{
    FOR_ACT(act, O % VEC == 0 && aligned16(y, b), forward, s, y, b, N, O);
}

void cuda_bias_backward(cudaStream_t s, enum dtype act, float *db, const void *dy, int N, int O,
                        bool accumulate)
{
    unsigned blocks = (unsigned)ceil_div(O, WARP);
    if (act == DTYPE_BF16)
        LAUNCH((backward_kernel<bf16>), blocks, SUM_THREADS, 0, s, db, (const bf16 *)dy, N, O, accumulate);
    else
        LAUNCH((backward_kernel<float>), blocks, SUM_THREADS, 0, s, db, (const float *)dy, N, O, accumulate);
}
