/*
 * rmsnorm.cu - root-mean-square norm over the last axis, with the residual addition in front of it
 *
 *   s[n]    = x[n] + delta[n];  r[n] = 1 / sqrt(mean_c s[n,c]^2 + eps);  y[n,c] = s[n,c] * r[n] * g[c]
 *   dx[n,c] += r[n] * (g[c]*dy[n,c] - x[n,c] * r[n]^2 * mean_k(g[k]*dy[n,k]*x[n,k]))
 *   dg[c]   = or += sum_n dy[n,c] * x[n,c] * r[n]
 *
 * Mapping  forward, dx: one warp a row, VEC elements a lane at a time; the second pass over a row finds it in
 *          the L1 cache. dg: a block takes the columns of a warp's width and a piece of the rows, a lane VEC
 *          columns; partial sums by piece, added in order by a last kernel.
 * Numerics sums in f32; the rounded sum is normed, since backward reads that too.
 * Cost     bound by memory: forward moves 4 elements, backward 7, of which dg reads some again, mostly from
 *          the L2 cache.
 * Oracle   kernels/cpu/rmsnorm.c
 * Source   Zhang & Sennrich 2019, arXiv:1910.07467
 */
#include "kernels/cuda/common.cuh"

enum { THREADS = 256, WARPS = THREADS / WARP, STRIP = WARP * VEC, PIECES = 512 };

template <class T, bool wide>
KERNEL(THREADS)
forward_kernel(T *y, float *rstd, T *sum, const T *x, const T *delta, const float *g, int N, int C, float eps)
{
    int lane = threadIdx.x % WARP, n = blockIdx.x * WARPS + threadIdx.x / WARP;
    start_next();
    await_previous();
    if (n >= N)
        return;
    size_t at = (size_t)n * C;
    float square = 0;
    for (int c = lane * VEC; c < C; c += STRIP) {
        float a[VEC], d[VEC];
        get_some<wide>(a, x + at + c, C - c);
        if (delta) {
            get_some<wide>(d, delta + at + c, C - c);
#pragma unroll
            for (int i = 0; i < VEC; i++)
                a[i] = rounded(x, a[i] + d[i]);
            put_some<wide>(sum + at + c, a, C - c);
        }
#pragma unroll
        for (int i = 0; i < VEC; i++)
            square += a[i] * a[i];
    }
    float r = 1.0f / sqrtf(warp_sum(square) / C + eps);
    if (lane == 0)
        rstd[n] = r;
    const T *normed = delta ? sum : x;
    for (int c = lane * VEC; c < C; c += STRIP) {
        float a[VEC], gain[VEC];
        get_some<wide>(a, normed + at + c, C - c);
        get_some<wide>(gain, g + c, C - c);
#pragma unroll
        for (int i = 0; i < VEC; i++)
            a[i] *= r * gain[i];
        put_some<wide>(y + at + c, a, C - c);
    }
}

template <class T, bool wide>
static void forward(cudaStream_t s, void *y, float *rstd, void *sum, const void *x, const void *delta,
                    const float *g, int N, int C, float eps)
{
    LAUNCH_EARLY(N == 1, (forward_kernel<T, wide>), (unsigned)ceil_div(N, WARPS), THREADS, 0, s, (T *)y, rstd,
                 (T *)sum, (const T *)x, (const T *)delta, g, N, C, eps);
}

void cuda_rmsnorm_forward(cudaStream_t s, enum dtype act, void *y, float *rstd, void *sum, const void *x,
                          const void *delta, const float *g, int N, int C, float eps)
{
    FOR_ACT(act, C % VEC == 0 && aligned16(y, sum, x, delta, g), forward, s, y, rstd, sum, x, delta, g, N, C,
            eps);
}

/* ---- backward ---- */

template <class T, bool wide>
KERNEL(THREADS)
dx_kernel(T *dx, const T *dy, const T *x, const float *g, const float *rstd, int N, int C)
{
    int lane = threadIdx.x % WARP, n = blockIdx.x * WARPS + threadIdx.x / WARP;
    if (n >= N)
        return;
    size_t at = (size_t)n * C;
    float dot = 0, r = rstd[n];
    for (int c = lane * VEC; c < C; c += STRIP) {
        float d[VEC], a[VEC], gain[VEC];
        get_some<wide>(d, dy + at + c, C - c);
        get_some<wide>(a, x + at + c, C - c);
        get_some<wide>(gain, g + c, C - c);
#pragma unroll
        for (int i = 0; i < VEC; i++)
            dot += d[i] * a[i] * gain[i];
    }
    float k = warp_sum(dot) / C * r * r * r;
    for (int c = lane * VEC; c < C; c += STRIP) {
        float d[VEC], a[VEC], gain[VEC], old[VEC];
        get_some<wide>(d, dy + at + c, C - c);
        get_some<wide>(a, x + at + c, C - c);
        get_some<wide>(gain, g + c, C - c);
        get_some<wide>(old, dx + at + c, C - c);
#pragma unroll
        for (int i = 0; i < VEC; i++)
            old[i] += d[i] * gain[i] * r - a[i] * k;
        put_some<wide>(dx + at + c, old, C - c);
    }
}

static int piece_rows(int N) /* rows that a block sums: a multiple of WARPS */
{
    return (int)round_up(ceil_div((size_t)N, PIECES), WARPS * 4);
}

/* partial (pieces, C): the part of dg from each piece of the rows. Warp w of a block takes every WARPS-th
 * row. */
template <class T, bool wide>
KERNEL(THREADS)
dg_kernel(float *partial, const T *dy, const T *x, const float *rstd, int N, int C, int rows)
{
    STATIC_SHARED(float, sums, THREADS *VEC);
    int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, c = blockIdx.x * STRIP + lane * VEC;
    int begin = blockIdx.y * rows, end = begin + rows < N ? begin + rows : N;
    float dg[VEC] = {};
    for (int n = begin + warp; n < end; n += WARPS) {
        float d[VEC], a[VEC], r = rstd[n];
        get_some<wide>(d, dy + (size_t)n * C + c, C - c);
        get_some<wide>(a, x + (size_t)n * C + c, C - c);
#pragma unroll
        for (int i = 0; i < VEC; i++)
            dg[i] += d[i] * a[i] * r;
    }
#pragma unroll
    for (int i = 0; i < VEC; i++)
        sums[warp * STRIP + i * WARP + lane] = dg[i];
    __syncthreads();
    /* thread t adds the sums that the warps have for column t of the strip */
    int column = threadIdx.x, from = column % VEC * WARP + column / VEC;
    float sum = 0;
    for (int w = 0; w < WARPS; w++)
        sum += sums[w * STRIP + from];
    if (blockIdx.x * STRIP + column < (unsigned)C)
        partial[(size_t)blockIdx.y * C + blockIdx.x * STRIP + column] = sum;
}

/* dg[c] = (or +=) the sum of column c of partial (pieces, C): 8 threads a column take every 8th piece each,
 * and their sums are added in order. */
KERNEL(THREADS) add_pieces_kernel(float *dg, const float *partial, int pieces, int C, bool accumulate)
{
    STATIC_SHARED(float, sums, THREADS);
    int lane = threadIdx.x % WARP, group = threadIdx.x / WARP, c = blockIdx.x * WARP + lane;
    float sum = 0;
    for (int p = group; p < pieces && c < C; p += WARPS)
        sum += partial[(size_t)p * C + c];
    sums[threadIdx.x] = sum;
    __syncthreads();
    if (group > 0 || c >= C)
        return;
    for (int w = 1; w < WARPS; w++)
        sum += sums[w * WARP + lane];
    dg[c] = (accumulate ? dg[c] : 0) + sum;
}

template <class T, bool wide>
static void backward(cudaStream_t s, void *dx, float *dg, const void *dy, const void *x, const float *g,
                     const float *rstd, int N, int C, bool accumulate, float *partial)
{
    int rows = piece_rows(N), pieces = (int)ceil_div((size_t)N, rows);
    LAUNCH((dx_kernel<T, wide>), (unsigned)ceil_div(N, WARPS), THREADS, 0, s, (T *)dx, (const T *)dy,
           (const T *)x, g, rstd, N, C);
    LAUNCH((dg_kernel<T, wide>), dim3((unsigned)ceil_div(C, STRIP), pieces), THREADS, 0, s, partial,
           (const T *)dy, (const T *)x, rstd, N, C, rows);
    LAUNCH(add_pieces_kernel, (unsigned)ceil_div(C, WARP), THREADS, 0, s, dg, partial, pieces, C, accumulate);
}

size_t cuda_rmsnorm_backward_scratch(int N, int C)
{
    return ceil_div((size_t)N, piece_rows(N)) * C * sizeof(float);
}

void cuda_rmsnorm_backward(cudaStream_t s, enum dtype act, void *dx, float *dg, const void *dy, const void *x,
                           const float *g, const float *rstd, int N, int C, bool accumulate, void *scratch)
{
    FOR_ACT(act, C % VEC == 0 && aligned16(dx, dy, x, g), backward, s, dx, dg, dy, x, g, rstd, N, C,
            accumulate, (float *)scratch);
}
