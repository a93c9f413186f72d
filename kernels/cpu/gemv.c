/*
 * gemv.c - y = W x: a linear layer for one token, as in generation, or for one token of each of a few texts
 *
 * Cost     bound by memory: W is read once. A library's matrix product would pack or widen W first. Nothing
 * is prefetched: the hardware does that better than instructions for it did (kernels/README.md). Numerics
 * bf16: sums of two products at a time by vdpbf16ps, where the CPU has it. Sums in f32, by lane and by every
 * AT_ONCE-th vector; one rounding at the store. An element of y has one owner and one order of summation: its
 * bits depend neither on the number of threads nor on how many texts are computed together.
 */
#include "kernels/cpu/device.h"
#include "kernels/cpu/table.h"
#include "kernels/cpu/tile.h"

/* AT_ONCE: vectors of a row handled at once. BLOCK: consecutive rows that a thread takes in one turn. TEXTS:
 * vectors x that share one pass over a block, as many as there are registers for their sums. */
enum { AT_ONCE = VL == 16 ? 8 : 4, BLOCK = 32, TEXTS = VL == 16 ? 3 : 2 };

struct shape {
    int N, I, O;
    bool dot; /* W and x are read as words of two bf16 (tile.h), of which there are I; otherwise x is f32 */
};

INLINE float total(const vf sum[AT_ONCE])
{
    vf s = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    for (int k = 4; k < AT_ONCE; k += 4)
        s += (sum[k] + sum[k + 1]) + (sum[k + 2] + sum[k + 3]);
    return vsum(s);
}

/* out[r * BLOCK] = row x_r for n vectors x, one after another. */
INLINE void row_times(float *out, const void *row, const float *x, const int n, int I, const bool dot,
                      enum dtype t)
{
    vf sum[TEXTS][AT_ONCE] = {0};
    int i = 0;
    for (; i + AT_ONCE * VL <= I; i += AT_ONCE * VL)
#pragma GCC unroll 8
        for (int k = 0; k < AT_ONCE; k++) {
            vf w = vload(row, (size_t)i + k * VL, t);
#pragma GCC unroll 4
            for (int r = 0; r < n; r++)
                sum[r][k] = tile_add(sum[r][k], w, vload_f32(x + (size_t)r * I + i + k * VL), dot);
        }
    for (; i < I; i += VL) {
        vf w = vget(row, i, I - i, t);
#pragma GCC unroll 4
        for (int r = 0; r < n; r++)
            sum[r][0] = tile_add(sum[r][0], w, vget(x + (size_t)r * I, i, I - i, DTYPE_F32), dot);
    }
#pragma GCC unroll 4
    for (int r = 0; r < n; r++)
        out[r * BLOCK] = total(sum[r]);
}

/* Rows from .. end of W times n vectors; the results of a vector are O apart from those of the next. */
INLINE void block(void *y, const void *W, const float *x, int from, int end, const int n,
                  const struct shape *s, const bool dot, enum dtype t)
{
    float out[TEXTS * BLOCK];
    enum dtype word = dot ? DTYPE_F32 : t;
    for (int o = from; o < end; o++)
        row_times(out + o - from, act_at(W, (size_t)o * s->I, word), x, n, s->I, dot, word);
    for (int r = 0; r < n; r++)
        for (int k = 0; k < end - from; k += VL)
            vput(y, (size_t)r * s->O + from + k, end - from - k,
                 vget(out + r * BLOCK, k, end - from - k, DTYPE_F32), t);
}

INLINE void blocks(void *y, const void *W, const float *x, int from, int end, const struct shape *s,
                   const bool dot, enum dtype t)
{
    for (int n = 0, take; n < s->N; n += take) {
        void *to = act_at(y, (size_t)n * s->O, t);
        const float *by = x + (size_t)n * s->I;
        take = s->N - n < TEXTS ? s->N - n : TEXTS;
        if (take == 1)
            block(to, W, by, from, end, 1, s, dot, t);
        else if (take == 2)
            block(to, W, by, from, end, 2, s, dot, t);
        else
            block(to, W, by, from, end, TEXTS, s, dot, t);
    }
}

void gemv(struct device *dev, void *y, const void *W, const void *x, int N, int I, int O)
{
    struct shape s = {N, I, O, VL == 16 && dev->act == DTYPE_BF16 && dev->bf16_dot && I % 2 == 0};
    const float *by = x;
    if (s.dot) {
        s.I = I / 2;
    } else if (dev->act == DTYPE_BF16) {
        float *copy = device_scratch(dev, SCRATCH_A, (size_t)N * I * sizeof *copy);
        vector_to_f32(dev, copy, x, (size_t)N * I);
        by = copy;
    }
#pragma omp parallel for num_threads(dev->threads) schedule(dynamic) if ((size_t)N * I * O > 1 << 15)
    for (int o = 0; o < O; o += BLOCK) {
        int end = o + BLOCK < O ? o + BLOCK : O;
        if (s.dot)
            blocks(y, W, by, o, end, &s, true, DTYPE_BF16);
        else
            FOR_ACT(dev, blocks, y, W, by, o, end, &s, false);
    }
}
