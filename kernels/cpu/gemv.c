/*
 * gemv.c - y = W x: a linear layer for one token, as in generation, or for one token of each of a few texts
 *
 * Cost     bound by memory: W is read once. A library's matrix product would pack or widen W first.
 * Numerics f32, a sum by lane and by every fourth vector; one rounding at the store. An element of y has one
 *          owner and one order of summation: its bits depend neither on the number of threads nor on how many
 *          texts are computed together.
 */
#include "kernels/cpu/device.h"
#include "kernels/cpu/table.h"
#include "kernels/vec.h"

/* AT_ONCE: vectors of a row handled at once. BLOCK: consecutive rows that a thread takes in one turn. TEXTS:
 * vectors x that share one pass over a block, as many as there are registers for their sums. AHEAD: how many
 * bytes ahead of their use data are prefetched. */
enum { AT_ONCE = 4, BLOCK = 32, TEXTS = VL == 16 ? 4 : 2, AHEAD = 1024 };

/* out[r * BLOCK] = row x_r for n vectors x (I) f32, one after another. */
INLINE void row_times(float *out, const void *row, const float *x, const int n, int I, enum dtype t)
{
    vf sum[TEXTS][AT_ONCE] = {0};
    int i = 0;
    for (; i + AT_ONCE * VL <= I; i += AT_ONCE * VL) {
        __builtin_prefetch((const char *)act_at(row, i, t) + AHEAD);
#pragma GCC unroll 4
        for (int k = 0; k < AT_ONCE; k++) {
            vf w = vload(row, (size_t)i + k * VL, t);
#pragma GCC unroll 4
            for (int r = 0; r < n; r++)
                sum[r][k] += w * vload_f32(x + (size_t)r * I + i + k * VL);
        }
    }
    for (; i < I; i += VL) {
        vf w = vget(row, i, I - i, t);
#pragma GCC unroll 4
        for (int r = 0; r < n; r++)
            sum[r][0] += w * vget(x + (size_t)r * I, i, I - i, DTYPE_F32);
    }
#pragma GCC unroll 4
    for (int r = 0; r < n; r++)
        out[r * BLOCK] = vsum((sum[r][0] + sum[r][1]) + (sum[r][2] + sum[r][3]));
}

/* Rows from .. end of W times n vectors; the results of a vector are O apart from those of the next. */
INLINE void block(void *y, const void *W, const float *x, int from, int end, const int n, int I, int O,
                  enum dtype t)
{
    float out[TEXTS * BLOCK];
    for (int o = from; o < end; o++)
        row_times(out + o - from, act_at(W, (size_t)o * I, t), x, n, I, t);
    for (int r = 0; r < n; r++)
        for (int k = 0; k < end - from; k += VL)
            vput(y, (size_t)r * O + from + k, end - from - k,
                 vget(out + r * BLOCK, k, end - from - k, DTYPE_F32), t);
}

INLINE void blocks(void *y, const void *W, const float *x, int from, int end, int N, int I, int O,
                   enum dtype t)
{
    int n = 0;
    for (; n + TEXTS <= N; n += TEXTS)
        block(act_at(y, (size_t)n * O, t), W, x + (size_t)n * I, from, end, TEXTS, I, O, t);
    for (; n < N; n++)
        block(act_at(y, (size_t)n * O, t), W, x + (size_t)n * I, from, end, 1, I, O, t);
}

void gemv(struct device *dev, void *y, const void *W, const void *x, int N, int I, int O)
{
    const float *wide = x;
    if (dev->act == DTYPE_BF16) {
        float *copy = device_scratch(dev, SCRATCH_A, (size_t)N * I * sizeof *copy);
        vector_to_f32(dev, copy, x, (size_t)N * I);
        wide = copy;
    }
#pragma omp parallel for num_threads(dev->threads) schedule(dynamic) if ((size_t)N * I * O > 1 << 15)
    for (int o = 0; o < O; o += BLOCK)
        FOR_ACT(dev, blocks, y, W, wide, o, o + BLOCK < O ? o + BLOCK : O, N, I, O);
}
