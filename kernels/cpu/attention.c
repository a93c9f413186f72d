/*
 * attention.c - causal attention, forward
 *
 *   s[i,j] = q[i].k[j] / sqrt(D) for first[i] <= j <= i,  p = softmax_j s,  out = p v,  lse = log sum_j e^s
 *
 * Online softmax: for each block of keys the running maximum m, sum l and output o of a query become
 *   m' = max(m, max s),  o = o e^(m-m') + e^(s-m') v,  l = l e^(m-m') + sum e^(s-m')
 * so memory is O(T) and no T x T matrix exists.
 *
 * Mapping  one thread a (sequence, key/value head); see attention.h.
 * Numerics f32, one rounding at the store; where the CPU has bf16 dot products, e^(s-m) is rounded to bf16
 *          for its product with v, while l sums it unrounded.
 * Source   Dao 2023, arXiv:2307.08691
 */
#include "kernels/cpu/attention.h"
#include "kernels/cpu/table.h"

struct tiles {
    float *kT, *v;        /* keys transposed, values by row pairs */
    float *q, *o, *s, *p; /* queries by rows; output; scores; e^(s-m), which is s itself in f32 */
    float m[BLOCK_Q], l[BLOCK_Q];
    float scale;
};

static size_t tiles_floats(struct attention_shape s)
{
    return 2 * (size_t)pad(s.T) * pad(s.D) + 2 * BLOCK_Q * (size_t)pad(s.D) + 2 * BLOCK_Q * BLOCK_K;
}

static struct tiles tiles_at(float *p, struct attention_shape s)
{
    size_t sequence = (size_t)pad(s.T) * pad(s.D), block = BLOCK_Q * (size_t)pad(s.D);
    struct tiles x = {.kT = p, .v = p + sequence, .scale = 1.0f / sqrtf(s.D)};
    x.q = x.v + sequence;
    x.o = x.q + block;
    x.s = x.o + block;
    x.p = x.s + BLOCK_Q * BLOCK_K;
    return x;
}

/* Turns row r of the products q.k of keys k0..k0+n into e^(s-m), rescaling what the row has so far. */
INLINE void softmax_row(struct tiles *x, int r, int k0, int n, int lo, int hi, int width, const bool dot)
{
    float *s = x->s + r * BLOCK_K, *o = x->o + (size_t)r * width, scale = x->scale;
    vf top = vset(MASKED), sum = vzero();
    for (int c = 0; c < n; c += VL)
        top = vmax(top, mask(vload_f32(s + c), k0 + c, lo, hi, MASKED));
    float m = vmaximum(top) * scale;
    m = m > x->m[r] ? m : x->m[r];
    if (x->m[r] == MASKED) { /* no key seen so far */
        x->m[r] = m;
    } else if (m != x->m[r]) {
        float shrink = expf(x->m[r] - m);
        for (int c = 0; c < width; c += VL)
            vstore_f32(o + c, vload_f32(o + c) * shrink);
        x->l[r] *= shrink;
        x->m[r] = m;
    }
    for (int c = 0; c < n; c += VL) {
        vf e = mask(vexp(vload_f32(s + c) * scale - m), k0 + c, lo, hi, 0);
        if (dot)
            store_dot((uint16_t *)x->p + r * BLOCK_K + c, e);
        else
            vstore_f32(s + c, e);
        sum += e;
    }
    x->l[r] += vsum(sum);
}

INLINE void query_block(struct tiles *x, const int32_t *first, int q0, int rows, struct attention_shape s,
                        const bool dot)
{
    int width = pad(s.D), height = pad(s.T), by = step(dot), from, to;
    const float *p = dot ? x->p : x->s;
    visible(first, q0, rows, &from, &to);
    memset(x->o, 0, (size_t)rows * width * sizeof *x->o);
    for (int r = 0; r < rows; r++) {
        x->m[r] = MASKED;
        x->l[r] = 0;
    }
    for (int k0 = from; k0 < to; k0 += BLOCK_K) {
        int n = to - k0 < BLOCK_K ? pad(to - k0) : BLOCK_K;
        tile_product(x->s, BLOCK_K, (struct tile_a){x->q, width / by, 1}, x->kT + k0, height, rows, n,
                     s.D / by, false, dot);
        for (int r = 0; r < rows; r++)
            softmax_row(x, r, k0, n, first ? first[q0 + r] : 0, q0 + r + 1, width, dot);
        tile_product(x->o, width, (struct tile_a){p, BLOCK_K / by, 1}, x->v + (size_t)(k0 / by) * width,
                     width, rows, width, n / by, true, dot);
    }
}

INLINE void unit(struct tiles x, void *out, float *lse, const void *qk, const void *qkv, const int32_t *first,
                 int b, int g, struct attention_shape s, enum dtype t, const bool dot)
{
    int group = s.H / s.Hkv, width = pad(s.D);
    size_t row = (size_t)b * s.T, qk_row = (size_t)(s.H + s.Hkv) * s.D,
           qkv_row = qk_row + (size_t)s.Hkv * s.D;
    size_t out_row = (size_t)s.H * s.D;

    pack_transposed(x.kT, x.v, act_at(qk, row * qk_row + (s.H + g) * s.D, t), qk_row, s.T, s.D, t, dot);
    pack_row_pairs(x.v, act_at(qkv, row * qkv_row + (s.H + s.Hkv + g) * s.D, t), qkv_row, s.T, s.D, t, dot);
    for (int h = g * group; h < (g + 1) * group; h++)
        for (int q0 = 0; q0 < s.T; q0 += BLOCK_Q) {
            int rows = s.T - q0 < BLOCK_Q ? s.T - q0 : BLOCK_Q;
            pack_rows(x.q, act_at(qk, (row + q0) * qk_row + h * s.D, t), qk_row, rows, s.D, t, dot);
            query_block(&x, first ? first + row : NULL, q0, rows, s, dot);
            for (int r = 0; r < rows; r++) {
                lse[((size_t)b * s.H + h) * s.T + q0 + r] = x.m[r] + logf(x.l[r]);
                unpack_rows(act_at(out, (row + q0 + r) * out_row + h * s.D, t), 0, x.o + r * width, 1, s.D,
                            1.0f / x.l[r], t);
            }
        }
}

INLINE void forward(struct device *dev, void *out, float *lse, const void *qk, const void *qkv,
                    const int32_t *first, struct attention_shape s, enum dtype t)
{
    float *tiles = device_scratch(dev, SCRATCH_TILES, dev->threads * tiles_floats(s) * sizeof *tiles);
#pragma omp parallel for num_threads(dev->threads) schedule(dynamic)
    for (int i = 0; i < s.B * s.Hkv; i++) {
        struct tiles x = tiles_at(tiles + omp_get_thread_num() * tiles_floats(s), s);
        ATTENTION_UNIT(dev, unit, t, x, out, lse, qk, qkv, first, i / s.Hkv, i % s.Hkv, s);
    }
}

void attention_forward(struct device *dev, void *out, float *lse, const struct attention *in)
{
    assert(in->s.H % in->s.Hkv == 0);
    FOR_ACT(dev, forward, dev, out, lse, in->qk, in->qkv, in->first, in->s);
}
