/*
 * vector.cu - long vectors: conversion, scaling, adding, dot products
 *
 * Mapping  a thread takes VEC elements, 16 bytes or 32 at once. For a dot product at most DOT_BLOCKS blocks
 *          each take a contiguous piece whose size depends on n alone; partial sums in double, then one block
 *          adds these in a fixed order.
 * Cost     bound by memory.
 * Oracle   kernels/cpu/vector.c
 */
#include "kernels/cuda/common.cuh"

enum { THREADS = 256, DOT_BLOCKS = 1024 };
static const size_t dot_least = THREADS * VEC * 4;

static unsigned blocks_for(size_t n)
{
    return (unsigned)ceil_div(n, THREADS * VEC);
}

DEVICE size_t first_element(void)
{
    return ((size_t)blockIdx.x * THREADS + threadIdx.x) * VEC;
}

static bool fits(size_t n)
{
    return n % VEC == 0;
}

template <bool wide, class To, class From> KERNEL(THREADS) convert_kernel(To *dst, const From *src, size_t n)
{
    size_t i = first_element();
    if (i >= n)
        return;
    float x[VEC];
    get_some<wide>(x, src + i, (long)(n - i));
    put_some<wide>(dst + i, x, (long)(n - i));
}

template <class To, class From> static void convert(cudaStream_t s, To *dst, const From *src, size_t n)
{
    if (!n)
        return;
    if (fits(n) && aligned16(dst, src))
        LAUNCH((convert_kernel<true, To, From>), blocks_for(n), THREADS, 0, s, dst, src, n);
    else
        LAUNCH((convert_kernel<false, To, From>), blocks_for(n), THREADS, 0, s, dst, src, n);
}

void cuda_to_act(cudaStream_t s, enum dtype act, void *dst, const float *src, size_t n)
{
    if (act == DTYPE_BF16)
        convert(s, (bf16 *)dst, src, n);
    else
        convert(s, (float *)dst, src, n);
}

void cuda_to_f32(cudaStream_t s, enum dtype act, float *dst, const void *src, size_t n)
{
    if (act == DTYPE_BF16)
        convert(s, dst, (const bf16 *)src, n);
    else
        convert(s, dst, (const float *)src, n);
}

template <class T, bool wide> KERNEL(THREADS) axpby_kernel(T *y, float a, const T *x, float b, size_t n)
{
    size_t i = first_element();
    if (i >= n)
        return;
    float u[VEC], w[VEC];
    get_some<wide>(u, x + i, (long)(n - i));
    if (b != 0)
        get_some<wide>(w, y + i, (long)(n - i));
#pragma unroll
    for (int k = 0; k < VEC; k++)
        u[k] = b != 0 ? a * u[k] + b * w[k] : a * u[k];
    put_some<wide>(y + i, u, (long)(n - i));
}

template <class T, bool wide>
static void axpby(cudaStream_t s, void *y, float a, const void *x, float b, size_t n)
{
    LAUNCH((axpby_kernel<T, wide>), blocks_for(n), THREADS, 0, s, (T *)y, a, (const T *)x, b, n);
}

void cuda_axpby(cudaStream_t s, enum dtype act, void *y, float a, const void *x, float b, size_t n)
{
    if (n)
        FOR_ACT(act, fits(n) && aligned16(x, y), axpby, s, y, a, x, b, n);
}

void cuda_axpy(cudaStream_t s, float *y, float a, const float *x, size_t n)
{
    cuda_axpby(s, DTYPE_F32, y, a, x, 1, n);
}

void cuda_scale(cudaStream_t s, float *x, float a, size_t n)
{
    cuda_axpby(s, DTYPE_F32, x, a, x, 0, n);
}

/* ---- dot products ---- */

static size_t dot_piece(size_t n) /* elements that a block handles */
{
    size_t each = ceil_div(n, DOT_BLOCKS);
    return each > dot_least ? round_up(each, THREADS * VEC) : dot_least;
}

template <bool wide>
KERNEL(THREADS)
dot_pieces_kernel(double *partial, const float *x, const float *y, size_t n, size_t piece)
{
    STATIC_SHARED(double, warps, THREADS / WARP);
    size_t begin = blockIdx.x * piece, end = begin + piece < n ? begin + piece : n;
    double sum = 0;
    for (size_t i = begin + threadIdx.x * VEC; i < end; i += THREADS * VEC) {
        float a[VEC], b[VEC];
        get_some<wide>(a, x + i, (long)(end - i));
        get_some<wide>(b, y + i, (long)(end - i));
#pragma unroll
        for (int k = 0; k < VEC; k++)
            sum += (double)a[k] * (double)b[k];
    }
    sum = block_sum(sum, warps);
    if (threadIdx.x == 0)
        partial[blockIdx.x] = sum;
}

KERNEL(THREADS) dot_finish_kernel(double *result, const double *partial, int n)
{
    STATIC_SHARED(double, warps, THREADS / WARP);
    double sum = 0;
    for (int i = threadIdx.x; i < n; i += THREADS)
        sum += partial[i];
    sum = block_sum(sum, warps);
    if (threadIdx.x == 0)
        *result = sum;
}

size_t cuda_dot_scratch(size_t n)
{
    return (n ? ceil_div(n, dot_piece(n)) : 1) * sizeof(double);
}

void cuda_dot(cudaStream_t s, double *result, const float *x, const float *y, size_t n, void *scratch)
{
    size_t piece = dot_piece(n);
    unsigned blocks = (unsigned)ceil_div(n, piece);
    double *partial = (double *)scratch;
    if (n && fits(n) && aligned16(x, y))
        LAUNCH((dot_pieces_kernel<true>), blocks, THREADS, 0, s, partial, x, y, n, piece);
    else if (n)
        LAUNCH((dot_pieces_kernel<false>), blocks, THREADS, 0, s, partial, x, y, n, piece);
    LAUNCH(dot_finish_kernel, 1, THREADS, 0, s, result, partial, (int)blocks);
}

template <bool wide> KERNEL(THREADS) normalise_kernel(float *x, const double *squares, double eps, size_t n)
{
    STATIC_SHARED(float, factor, 1);
    if (threadIdx.x == 0)
        factor[0] = (float)(1 / (sqrt(*squares) + eps));
    __syncthreads();
    size_t i = first_element();
    if (i >= n)
        return;
    float u[VEC];
    get_some<wide>(u, x + i, (long)(n - i));
#pragma unroll
    for (int k = 0; k < VEC; k++)
        u[k] *= factor[0];
    put_some<wide>(x + i, u, (long)(n - i));
}

void cuda_normalise(cudaStream_t s, float *x, double eps, size_t n, double *squares, void *scratch)
{
    if (!n)
        return;
    cuda_dot(s, squares, x, x, n, scratch);
    if (fits(n) && aligned16(x))
        LAUNCH((normalise_kernel<true>), blocks_for(n), THREADS, 0, s, x, squares, eps, n);
    else
        LAUNCH((normalise_kernel<false>), blocks_for(n), THREADS, 0, s, x, squares, eps, n);
}
