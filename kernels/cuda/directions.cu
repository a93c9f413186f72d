/*
 * directions.cu - extrapolating weights along a few directions: averages, sums of directions, inner products
 *
 *   ema_step    mean = keep mean + (1-keep) theta;  theta += ahead (theta - mean);  work = theta
 *   combine     y = x + sum_j c[j] D_j              work = y
 *   direction   d = keep d + gain (a - b) + sum_j c[j] D_j
 *   gram        inner products of D_0 .. D_{k-1} and a - b
 *
 * Mapping  a thread takes VEC elements. gram: GRAM_BLOCKS blocks at most, each a contiguous piece whose size
 *          depends on n alone; partial sums in double, then one block adds these in a fixed order.
 * Numerics gram: the VEC products of two vectors are added in f32, these sums in double: within VEC 2^-24 of
 *          the product of the norms. A GeForce does 2 double operations per clock and SM; one for each
 *          product would make gram bound by them and not by memory.
 * Cost     bound by memory: per weight, with k = 4 directions in bf16, combine reads 12 bytes and writes 6,
 *          ema_step 8 and 10.
 * Oracle   kernels/cpu/directions.c
 */
#include "kernels/cuda/common.cuh"
#include "kernels/cuda/directions.h"

enum {
    THREADS = 256,
    GRAM_BLOCKS = 512,
    VECTORS = OPS_DIRECTIONS + 1,
    PRODUCTS = VECTORS * (VECTORS + 1) / 2
};
static const size_t gram_least = THREADS * VEC * 4;

static unsigned blocks_for(size_t n)
{
    return (unsigned)ceil_div(n, THREADS * VEC);
}

DEVICE size_t first_element(void)
{
    return ((size_t)blockIdx.x * THREADS + threadIdx.x) * VEC;
}

static bool all_aligned(struct directions d)
{
    bool all = true;
    for (int j = 0; j < d.k; j++)
        all = all && aligned16(d.D[j]);
    return all;
}

template <class T, bool wide>
KERNEL(THREADS)
ema_kernel(float *theta, T *work, float *mean, size_t n, float keep, float ahead)
{
    size_t i = first_element();
    if (i >= n)
        return;
    float x[VEC], m[VEC];
    get_some<wide>(x, theta + i, (long)(n - i));
    get_some<wide>(m, mean + i, (long)(n - i));
#pragma unroll
    for (int k = 0; k < VEC; k++) {
        m[k] = m[k] * keep + x[k] * (1.0f - keep);
        x[k] += (x[k] - m[k]) * ahead;
    }
    put_some<wide>(mean + i, m, (long)(n - i));
    if (ahead == 0)
        return;
    put_some<wide>(theta + i, x, (long)(n - i));
    if (work)
        put_some<wide>(work + i, x, (long)(n - i));
}

template <class T, bool wide>
static void ema(cudaStream_t s, float *theta, void *work, float *mean, size_t n, float keep, float ahead)
{
    LAUNCH((ema_kernel<T, wide>), blocks_for(n), THREADS, 0, s, theta, (T *)work, mean, n, keep, ahead);
}

void cuda_ema_step(cudaStream_t s, enum dtype act, float *theta, void *work, float *mean, size_t n,
                   float keep, float ahead)
{
    if (n)
        FOR_ACT(act, n % VEC == 0 && aligned16(theta, work, mean), ema, s, theta, work, mean, n, keep, ahead);
}

/* x += sum_j c[j] D_j. The loop is unrolled, because a kernel argument that is indexed by a variable would be
 * copied to local memory. */
template <class T, bool wide>
DEVICE void add_directions(float (&x)[VEC], const struct directions &d, size_t i, long left)
{
#pragma unroll
    for (int j = 0; j < OPS_DIRECTIONS; j++) {
        float a[VEC];
        if (j >= d.k)
            break;
        get_some<wide>(a, (const T *)d.D[j] + i, left);
#pragma unroll
        for (int k = 0; k < VEC; k++)
            x[k] += a[k] * d.c[j];
    }
}

template <class T, bool wide>
KERNEL(THREADS)
combine_kernel(float *y, T *work, const float *x, struct directions d, size_t n)
{
    size_t i = first_element();
    if (i >= n)
        return;
    float sum[VEC];
    get_some<wide>(sum, x + i, (long)(n - i));
    add_directions<T, wide>(sum, d, i, (long)(n - i));
    put_some<wide>(y + i, sum, (long)(n - i));
    if (work)
        put_some<wide>(work + i, sum, (long)(n - i));
}

template <class T, bool wide>
static void combine(cudaStream_t s, float *y, void *work, const float *x, struct directions d, size_t n)
{
    LAUNCH((combine_kernel<T, wide>), blocks_for(n), THREADS, 0, s, y, (T *)work, x, d, n);
}

void cuda_combine(cudaStream_t s, enum dtype act, float *y, void *work, const float *x, struct directions d,
                  size_t n)
{
    if (n)
        FOR_ACT(act, n % VEC == 0 && aligned16(y, work, x) && all_aligned(d), combine, s, y, work, x, d, n);
}

template <class T, bool wide>
KERNEL(THREADS)
direction_kernel(T *out, float keep, float gain, const float *a, const float *b, struct directions d,
                 size_t n)
{
    size_t i = first_element();
    if (i >= n)
        return;
    long left = (long)(n - i);
    float sum[VEC] = {0}, x[VEC], y[VEC];
    if (keep != 0)
        get_some<wide>(sum, out + i, left);
    get_some<wide>(x, a + i, left);
    get_some<wide>(y, b + i, left);
#pragma unroll
    for (int k = 0; k < VEC; k++)
        sum[k] = sum[k] * keep + (x[k] - y[k]) * gain;
    add_directions<T, wide>(sum, d, i, left);
    put_some<wide>(out + i, sum, left);
}

template <class T, bool wide>
static void direction(cudaStream_t s, void *out, float keep, float gain, const float *a, const float *b,
                      struct directions d, size_t n)
{
    LAUNCH((direction_kernel<T, wide>), blocks_for(n), THREADS, 0, s, (T *)out, keep, gain, a, b, d, n);
}

void cuda_direction(cudaStream_t s, enum dtype act, void *out, float keep, float gain, const float *a,
                    const float *b, struct directions d, size_t n)
{
    if (n)
        FOR_ACT(act, n % VEC == 0 && aligned16(out, a, b) && all_aligned(d), direction, s, out, keep, gain, a,
                b, d, n);
}

/* ---- inner products ---- */

static size_t gram_piece(size_t n)
{
    size_t each = ceil_div(n, GRAM_BLOCKS);
    return each > gram_least ? round_up(each, THREADS * VEC) : gram_least;
}

DEVICE float vec_dot(const float (&x)[VEC], const float (&y)[VEC])
{
    float sum = 0;
#pragma unroll
    for (int k = 0; k < VEC; k++)
        sum += x[k] * y[k];
    return sum;
}

template <class T, bool wide>
KERNEL(THREADS)
gram_pieces_kernel(double *partial, const float *a, const float *b, struct directions d, size_t n,
                   size_t piece)
{
    STATIC_SHARED(double, warps, THREADS / WARP);
    size_t begin = blockIdx.x * piece, end = begin + piece < n ? begin + piece : n;
    double sum[PRODUCTS] = {0};
    for (size_t i = begin + threadIdx.x * VEC; i < end; i += THREADS * VEC) {
        float v[VECTORS][VEC], y[VEC] = {0};
#pragma unroll
        for (int j = 0; j < OPS_DIRECTIONS; j++)
            if (j < d.k)
                get_some<wide>(v[j], (const T *)d.D[j] + i, (long)(end - i));
        get_some<wide>(v[OPS_DIRECTIONS], a + i, (long)(end - i));
        if (b)
            get_some<wide>(y, b + i, (long)(end - i));
#pragma unroll
        for (int k = 0; k < VEC; k++)
            v[OPS_DIRECTIONS][k] -= y[k];
#pragma unroll
        for (int p = 0; p < VECTORS; p++)
#pragma unroll
            for (int q = 0; q <= p; q++)
                if ((p < d.k || p == OPS_DIRECTIONS) && (q < d.k || q == OPS_DIRECTIONS))
                    sum[p * (p + 1) / 2 + q] += vec_dot(v[p], v[q]);
    }
#pragma unroll
    for (int p = 0; p < PRODUCTS; p++) {
        double all = block_sum(sum[p], warps);
        if (threadIdx.x == 0)
            partial[(size_t)blockIdx.x * PRODUCTS + p] = all;
    }
}

/* One thread for each product; a - b, which is the last of VECTORS, becomes vector k. */
KERNEL(WARP) gram_finish_kernel(double *sums, const double *partial, int blocks, int k)
{
    int p = 0, q = threadIdx.x;
    while (q > p)
        q -= ++p;
    if (p > k)
        return;
    int from_p = p < k ? p : (int)OPS_DIRECTIONS, from_q = q < k ? q : (int)OPS_DIRECTIONS;
    double sum = 0;
    for (int i = 0; i < blocks; i++)
        sum += partial[(size_t)i * PRODUCTS + from_p * (from_p + 1) / 2 + from_q];
    sums[threadIdx.x] += sum;
}

size_t cuda_gram_scratch(size_t n)
{
    return (n ? ceil_div(n, gram_piece(n)) : 1) * PRODUCTS * sizeof(double);
}

template <class T, bool wide>
static void gram(cudaStream_t s, double *sums, const float *a, const float *b, struct directions d, size_t n,
                 double *partial)
{
    size_t piece = gram_piece(n);
    unsigned blocks = (unsigned)ceil_div(n, piece);
    LAUNCH((gram_pieces_kernel<T, wide>), blocks, THREADS, 0, s, partial, a, b, d, n, piece);
    LAUNCH(gram_finish_kernel, 1, WARP, 0, s, sums, partial, (int)blocks, d.k);
}

void cuda_gram(cudaStream_t s, enum dtype act, double *sums, const float *a, const float *b,
               struct directions d, size_t n, void *scratch)
{
    if (n)
        FOR_ACT(act, n % VEC == 0 && aligned16(a, b) && all_aligned(d), gram, s, sums, a, b, d, n,
                (double *)scratch);
}
