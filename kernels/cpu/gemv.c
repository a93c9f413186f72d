/*
 * gemv.c - y = W x: a linear layer for one token, as in generation
 *
 * Cost     bound by memory: W is read once. A library's matrix product would pack or widen W first.
 * Numerics f32, a sum by lane and by every fourth vector; one rounding at the store. A row has one owner:
 *          bits do not depend on the number of threads.
 */
#include "kernels/cpu/device.h"
#include "kernels/cpu/table.h"
#include "kernels/vec.h"

/* AT_ONCE: vectors of a row handled at once. BLOCK: consecutive rows that a thread takes in one turn. AHEAD:
 * how many bytes ahead of their use data are prefetched. */
enum { AT_ONCE = 4, BLOCK = 32, AHEAD = 1024 };

/* x is f32. */
INLINE float row_times(const void *row, const float *x, int I, enum dtype t)
{
    vf sum[AT_ONCE] = {0};
    int i = 0;
    for (; i + AT_ONCE * VL <= I; i += AT_ONCE * VL) {
        __builtin_prefetch((const char *)act_at(row, i, t) + AHEAD);
#pragma GCC unroll 4
        for (int k = 0; k < AT_ONCE; k++)
            sum[k] += vload(row, (size_t)i + k * VL, t) * vload_f32(x + i + k * VL);
    }
    for (; i < I; i += VL)
        sum[0] += vget(row, i, I - i, t) * vget(x, i, I - i, DTYPE_F32);
    return vsum((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

INLINE void block(void *y, const void *W, const float *x, int from, int end, int I, enum dtype t)
{
    float out[BLOCK];
    for (int o = from; o < end; o++)
        out[o - from] = row_times(act_at(W, (size_t)o * I, t), x, I, t);
    for (int k = 0; k < end - from; k += VL)
        vput(y, from + k, end - from - k, vget(out, k, end - from - k, DTYPE_F32), t);
}

void gemv(struct device *dev, void *y, const void *W, const void *x, int I, int O)
{
    const float *wide = x;
    if (dev->act == DTYPE_BF16) {
        float *copy = device_scratch(dev, SCRATCH_A, (size_t)I * sizeof *copy);
        vector_to_f32(dev, copy, x, I);
        wide = copy;
    }
#pragma omp parallel for num_threads(dev->threads) schedule(dynamic) if ((size_t)I * O > 1 << 15)
    for (int o = 0; o < O; o += BLOCK)
        FOR_ACT(dev, block, y, W, wide, o, o + BLOCK < O ? o + BLOCK : O, I);
}
