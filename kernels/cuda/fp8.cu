/*
 * fp8.cu - operands of fp8 matrix products: bf16 scaled and rounded to e4m3 or e5m2, in its own layout and
 * transposed
 *
 *   a = max |x|;  s = the power of two for which s a is in (most/2, most];  q = round(s x);  t = q^T
 *
 * The scale comes from the current tensor and not from earlier steps: there is no state, so a resumed run
 * gives equal bits. It is a power of two, so that scaling itself rounds nothing.
 *
 * Mapping  the maximum: AMAX_BLOCKS blocks at most, whose results every block of the second kernel reads. In
 *          the second a block takes 64 x 64 elements, a thread two rows of VEC columns; the transpose goes
 *          through shared memory, two bytes at a time.
 * Numerics to nearest even, saturating.
 * Cost     bound by memory: reads x twice, the second time from the L2 cache where it fits, and writes one
 *          byte for each result.
 * Oracle   tests/cuda/gpu/fp8.c
 * Source   Micikevicius et al. 2022, arXiv:2209.05433
 */
#include "kernels/cuda/common.cuh"
#include "kernels/cuda/fp8.h"

enum { THREADS = 256, AMAX_BLOCKS = 512, TILE = 64, GROUPS = TILE / VEC };
enum {
    PITCH = TILE / 4 + 1
}; /* words in a row of the transposed tile: one more than needed, to avoid bank conflicts */

/* ---- the scale ---- */

KERNEL(THREADS) amax_kernel(float *partial, const bf16 *x, size_t n)
{
    STATIC_SHARED(float, warps, THREADS / WARP);
    float most = 0;
    for (size_t i = ((size_t)blockIdx.x * THREADS + threadIdx.x) * VEC; i < n;
         i += (size_t)gridDim.x * THREADS * VEC) {
        float v[VEC];
        get_vec(v, x + i);
#pragma unroll
        for (int k = 0; k < VEC; k++)
            most = fmaxf(most, fabsf(v[k])); /* when one operand is NaN, fmaxf returns the other */
    }
    most = block_max(most, warps);
    if (threadIdx.x == 0)
        partial[blockIdx.x] = most;
}

/* Returns s and sets 1/s for the largest magnitude a; both are powers of two. The largest number of the
 * format is 1.75 * 2^top. */
DEVICE float scale_for(float a, int top, float *unscale)
{
    unsigned bits = float_bits(a);
    int exponent = (int)(bits >> 23) - 127, s = top - exponent - ((bits & 0x7fffff) > 0x600000);
    *unscale = 1;
    if (a == 0)
        return 1;
    if (exponent == 128)
        return 0; /* infinity times 0 is NaN, so that the failure is visible */
    s = s < 126 ? s : 126;
    *unscale = bits_float((unsigned)(127 - s) << 23);
    return bits_float((unsigned)(127 + s) << 23);
}

/* ---- rounding ---- */

template <enum fp8 to> DEVICE unsigned pack(float lo, float hi)
{
    return to == FP8_E4M3 ? pack_e4m3(lo, hi) : pack_e5m2(lo, hi);
}

/* Quantises VEC elements of bf16 at p into VEC bytes. */
template <enum fp8 to> DEVICE void quantised(unsigned (&q)[2], const bf16 *p, float scale)
{
    float v[VEC];
    get_vec(v, p);
#pragma unroll
    for (int k = 0; k < 2; k++)
        q[k] = pack<to>(v[4 * k] * scale, v[4 * k + 1] * scale) |
               pack<to>(v[4 * k + 2] * scale, v[4 * k + 3] * scale) << 16;
}

DEVICE unsigned byte_of(const unsigned (&q)[2], int k)
{
    return q[k / 4] >> k % 4 * 8 & 0xff;
}

template <enum fp8 to>
KERNEL(THREADS)
quantise_kernel(uint8_t *q, uint8_t *t, float *unscale, const bf16 *x, const float *partial, int blocks,
                int R, int C)
{
    STATIC_SHARED(float, warps, THREADS / WARP);
    STATIC_SHARED(unsigned, tile, TILE *PITCH);
    float a = 0, inverse;
    for (int i = threadIdx.x; i < blocks; i += THREADS)
        a = fmaxf(a, partial[i]);
    float scale = scale_for(block_max(a, warps), to == FP8_E4M3 ? 8 : 15, &inverse);
    if (blockIdx.x == 0 && blockIdx.y == 0 && threadIdx.x == 0)
        *unscale = inverse;
    int pair = threadIdx.x / GROUPS, column = threadIdx.x % GROUPS * VEC;
    int row = blockIdx.y * TILE + 2 * pair, c = blockIdx.x * TILE + column;
    if (row < R && c < C) {
        unsigned up[2], low[2];
        size_t at = (size_t)row * C + c;
        quantised<to>(up, x + at, scale);
        quantised<to>(low, x + at + C, scale);
        if (q) {
            store8(q + at, up[0], up[1]);
            store8(q + at + C, low[0], low[1]);
        }
#pragma unroll
        for (int k = 0; k < VEC; k++)
            store2((char *)(tile + (column + k) * PITCH) + 2 * pair, byte_of(up, k) | byte_of(low, k) << 8);
    }
    __syncthreads();
    /* each thread writes 16 rows of a column */
    column = threadIdx.x / 4;
    row = threadIdx.x % 4 * 16;
    c = blockIdx.x * TILE + column;
    if (!t || c >= C || (int)blockIdx.y * TILE + row >= R)
        return;
    const unsigned *from = tile + column * PITCH + row / 4;
    store16(t + (size_t)c * R + blockIdx.y * TILE + row,
            uint4{load4(from), load4(from + 1), load4(from + 2), load4(from + 3)});
}

/* ---- launchers ---- */

size_t cuda_fp8_quantise_scratch(void)
{
    return AMAX_BLOCKS * sizeof(float);
}

void cuda_fp8_quantise(cudaStream_t s, enum fp8 to, uint8_t *q, uint8_t *t, float *unscale, const void *x,
                       int R, int C, void *scratch)
{
    assert(R % FP8_MULTIPLE == 0 && C % FP8_MULTIPLE == 0 && aligned16(q, t, x));
    size_t n = (size_t)R * C, wanted = ceil_div(n, THREADS * VEC * 4);
    int blocks = wanted < AMAX_BLOCKS ? (int)wanted : (int)AMAX_BLOCKS;
    float *partial = (float *)scratch;
    dim3 grid((unsigned)ceil_div(C, TILE), (unsigned)ceil_div(R, TILE));
    LAUNCH(amax_kernel, blocks, THREADS, 0, s, partial, (const bf16 *)x, n);
    if (to == FP8_E4M3)
        LAUNCH(quantise_kernel<FP8_E4M3>, grid, THREADS, 0, s, q, t, unscale, (const bf16 *)x, partial,
               blocks, R, C);
    else
        LAUNCH(quantise_kernel<FP8_E5M2>, grid, THREADS, 0, s, q, t, unscale, (const bf16 *)x, partial,
               blocks, R, C);
}
