/*
 * gemv.c - y = W x: a linear layer for one token, as in generation
 *
 * Cost     bound by memory: W is read once. A library's matrix product would pack or widen W first. Nothing
 * is prefetched: the hardware does it better than instructions for it did (kernels/README.md). Numerics bf16:
 * pairs of products by vdpbf16ps where the CPU has it. Sums in f32, by lane and by every eighth vector; one
 * rounding at the store. A row has one owner: bits do not depend on the number of threads.
 */
#include "kernels/cpu/device.h"
#include "kernels/cpu/table.h"
#include "kernels/cpu/tile.h"

/* AT_ONCE: vectors of a row handled at once. BLOCK: consecutive rows that a thread takes in one turn. */
enum { AT_ONCE = 8, BLOCK = 32 };

INLINE float total(const vf sum[AT_ONCE])
{
    return vsum(((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7])));
}

/* x is f32. */
INLINE float row_times(const void *row, const float *x, int I, enum dtype t)
{
    vf sum[AT_ONCE] = {0};
    int i = 0;
    for (; i + AT_ONCE * VL <= I; i += AT_ONCE * VL)
#pragma GCC unroll 8
        for (int k = 0; k < AT_ONCE; k++)
            sum[k] += vload(row, (size_t)i + k * VL, t) * vload_f32(x + i + k * VL);
    for (; i < I; i += VL)
        sum[0] += vget(row, i, I - i, t) * vget(x, i, I - i, DTYPE_F32);
    return total(sum);
}

/* row and x are pairs of bf16; I is a multiple of 2 VL. */
INLINE float row_dot(const uint16_t *row, const uint16_t *x, int I)
{
    vf sum[AT_ONCE] = {0};
    const float *pairs = (const float *)(const void *)row, *by = (const float *)(const void *)x;
    int i = 0, n = I / 2;
    for (; i + AT_ONCE * VL <= n; i += AT_ONCE * VL)
#pragma GCC unroll 8
        for (int k = 0; k < AT_ONCE; k++)
            sum[k] = tile_add(sum[k], vload_f32(pairs + i + k * VL), vload_f32(by + i + k * VL), true);
    for (; i < n; i += VL)
        sum[0] = tile_add(sum[0], vload_f32(pairs + i), vload_f32(by + i), true);
    return total(sum);
}

/* x is f32, or bf16 where `dot`. */
INLINE void block(void *y, const void *W, const void *x, int from, int end, int I, const bool dot,
                  enum dtype t)
{
    float out[BLOCK];
    for (int o = from; o < end; o++) {
        const void *row = act_at(W, (size_t)o * I, t);
        out[o - from] = dot ? row_dot(row, x, I) : row_times(row, x, I, t);
    }
    for (int k = 0; k < end - from; k += VL)
        vput(y, from + k, end - from - k, vget(out, k, end - from - k, DTYPE_F32), t);
}

void gemv(struct device *dev, void *y, const void *W, const void *x, int I, int O)
{
    const bool dot = VL == 16 && dev->act == DTYPE_BF16 && dev->bf16_dot && I % (2 * VL) == 0;
    const void *by = x;
    if (dev->act == DTYPE_BF16 && !dot) {
        float *copy = device_scratch(dev, SCRATCH_A, (size_t)I * sizeof *copy);
        vector_to_f32(dev, copy, x, I);
        by = copy;
    }
#pragma omp parallel for num_threads(dev->threads) schedule(dynamic) if ((size_t)I * O > 1 << 15)
    for (int o = 0; o < O; o += BLOCK) {
        int end = o + BLOCK < O ? o + BLOCK : O;
        if (dot)
            block(y, W, by, o, end, I, true, DTYPE_BF16);
        else
            FOR_ACT(dev, block, y, W, by, o, end, I, false);
    }
}
