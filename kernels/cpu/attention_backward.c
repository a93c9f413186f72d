/*
 * attention_backward.c - causal attention, backward
 *
 *   p[i,j] = e^(s[i,j] - lse[i])        delta[i] = dout[i].out[i]
 *   dv[j] = sum_i p[i,j] dout[i]        ds[i,j] = p[i,j] (dout[i].v[j] - delta[i])
 *   dq[i] = sum_j ds[i,j] k[j]/sqrt(D)  dk[j] = sum_i ds[i,j] q[i]/sqrt(D)
 *
 * Mapping  one thread a (sequence, key/value head): it adds the contributions of its query heads to dk and dv
 *          in order, so equal inputs give equal bits whatever the number of threads.
 * Numerics f32, one rounding at the store; where the CPU has bf16 dot products, p and ds are rounded to bf16
 *          for them.
 * Source   Dao 2023, arXiv:2307.08691
 */
#include "kernels/cpu/attention.h"
#include "kernels/cpu/table.h"

struct tiles {
    float *k, *kT, *vT;                     /* keys by row pairs; keys and values transposed */
    float *dk, *dv;                         /* f32 (pad(T), pad(D)) */
    float *q, *dout, *q_pairs, *dout_pairs; /* by rows, and by row pairs (f32: the same) */
    float *dq;                              /* f32 (BLOCK_Q, pad(D)) */
    float *s, *dp;                          /* f32 (BLOCK_Q, BLOCK_K); in f32 they become p and ds in place */
    float *ds_rows, *p_pairs, *ds_pairs;    /* dot: ds and p as bf16, by rows or by row pairs */
    float lse[BLOCK_Q], delta[BLOCK_Q];
    float scale;
};

static size_t tiles_floats(struct attention_shape s)
{
    return 5 * (size_t)pad(s.T) * pad(s.D) + 5 * BLOCK_Q * (size_t)pad(s.D) + 5 * BLOCK_Q * BLOCK_K;
}

static struct tiles tiles_at(float *p, struct attention_shape s)
{
    size_t sequence = (size_t)pad(s.T) * pad(s.D), block = BLOCK_Q * (size_t)pad(s.D),
           scores = BLOCK_Q * BLOCK_K;
    float *blocks = p + 5 * sequence, *tail = blocks + 5 * block;
    return (struct tiles){
        .k = p,
        .kT = p + sequence,
        .vT = p + 2 * sequence,
        .dk = p + 3 * sequence,
        .dv = p + 4 * sequence,
        .q = blocks,
        .dout = blocks + block,
        .q_pairs = blocks + 2 * block,
        .dout_pairs = blocks + 3 * block,
        .dq = blocks + 4 * block,
        .s = tail,
        .dp = tail + scores,
        .ds_rows = tail + 2 * scores,
        .p_pairs = tail + 3 * scores,
        .ds_pairs = tail + 4 * scores,
        .scale = 1.0f / sqrtf(s.D),
    };
}

/* For keys k+0..VL and query row r: turns the products q.k into probabilities p, and dout.v into ds. */
INLINE void scores(const struct tiles *x, int r, int c, int k0, int lo, int hi, vf *p, vf *ds)
{
    vf s = vload_f32(x->s + r * BLOCK_K + c), dp = vload_f32(x->dp + r * BLOCK_K + c);
    *p = mask(vexp(s * x->scale - x->lse[r]), k0 + c, lo, hi, 0);
    *ds = *p * (dp - x->delta[r]);
}

INLINE void scores_f32(struct tiles *x, const int32_t *first, int q0, int rows, int k0, int n)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < n; c += VL) {
            vf p, ds;
            scores(x, r, c, k0, first ? first[q0 + r] : 0, q0 + r + 1, &p, &ds);
            vstore_f32(x->s + r * BLOCK_K + c, p);
            vstore_f32(x->dp + r * BLOCK_K + c, ds);
        }
}

#if VL == 16
/* Handles two rows at a time, because bf16 tiles hold pairs of rows. */
INLINE void scores_dot(struct tiles *x, const int32_t *first, int q0, int rows, int k0, int n)
{
    for (int r = 0; r < rows; r += 2)
        for (int c = 0; c < n; c += VL) {
            vf p0, ds0, p1 = vzero(), ds1 = vzero();
            scores(x, r, c, k0, first ? first[q0 + r] : 0, q0 + r + 1, &p0, &ds0);
            if (r + 1 < rows)
                scores(x, r + 1, c, k0, first ? first[q0 + r + 1] : 0, q0 + r + 2, &p1, &ds1);
            vstore_f32(x->p_pairs + r / 2 * BLOCK_K + c, vpair(vnarrow_quick(p0), vnarrow_quick(p1)));
            vstore_f32(x->ds_pairs + r / 2 * BLOCK_K + c, vpair(vnarrow_quick(ds0), vnarrow_quick(ds1)));
            store_dot((uint16_t *)x->ds_rows + r * BLOCK_K + c, ds0);
            store_dot((uint16_t *)x->ds_rows + (r + 1) * BLOCK_K + c, ds1);
        }
}
#endif

/* Adds to dq, dk and dv the contributions of one block of queries with one block of keys. */
INLINE void block_pair(struct tiles *x, const int32_t *first, int q0, int rows, int k0, int n,
                       struct attention_shape s, const bool dot)
{
    int width = pad(s.D), height = pad(s.T), by = step(dot), pairs = (rows + by - 1) / by;
    size_t at = (size_t)k0 * width;
    struct tile_a q = {x->q, width / by, 1}, dout = {x->dout, width / by, 1};
    tile_product(x->s, BLOCK_K, q, x->kT + k0, height, rows, n, s.D / by, false, dot);
    tile_product(x->dp, BLOCK_K, dout, x->vT + k0, height, rows, n, s.D / by, false, dot);
#if VL == 16
    if (dot)
        scores_dot(x, first, q0, rows, k0, n);
    else
#endif
        scores_f32(x, first, q0, rows, k0, n);
    struct tile_a ds = {dot ? x->ds_rows : x->dp, BLOCK_K / by, 1};
    struct tile_a dsT = {dot ? x->ds_pairs : x->dp, 1, BLOCK_K}, pT = {dot ? x->p_pairs : x->s, 1, BLOCK_K};
    tile_product(x->dq, width, ds, x->k + at / by, width, rows, width, n / by, true, dot);
    tile_product(x->dk + at, width, dsT, dot ? x->q_pairs : x->q, width, n, width, pairs, true, dot);
    tile_product(x->dv + at, width, pT, dot ? x->dout_pairs : x->dout, width, n, width, pairs, true, dot);
}

INLINE void pack_queries(struct tiles *x, const void *q, size_t qk_row, const void *dout, const void *out,
                         size_t out_row, const float *lse, int rows, int D, enum dtype t, const bool dot)
{
    pack_rows(x->q, q, qk_row, rows, D, t, dot);
    pack_rows(x->dout, dout, out_row, rows, D, t, dot);
    if (dot) {
        pack_row_pairs(x->q_pairs, q, qk_row, rows, D, t, dot);
        pack_row_pairs(x->dout_pairs, dout, out_row, rows, D, t, dot);
    }
    memcpy(x->lse, lse, rows * sizeof *lse);
    for (int r = 0; r < rows; r++) {
        vf sum = vzero();
        for (int c = 0; c < D; c += VL)
            sum += vget(dout, r * out_row + c, D - c, t) * vget(out, r * out_row + c, D - c, t);
        x->delta[r] = vsum(sum);
    }
}

INLINE void pack_keys(struct tiles *x, const void *k, size_t qk_row, const void *v, size_t qkv_row, int T,
                      int D, enum dtype t, const bool dot)
{
    size_t all = (size_t)pad(T) * pad(D);
    pack_transposed(x->vT, x->k, v, qkv_row, T, D, t, dot);
    pack_transposed(x->kT, x->k, k, qk_row, T, D, t, dot);
    pack_row_pairs(x->k, k, qk_row, T, D, t, dot);
    memset(x->dk, 0, all * sizeof *x->dk);
    memset(x->dv, 0, all * sizeof *x->dv);
}

INLINE void unit(struct tiles x, void *dqk, void *dqkv, const void *dout, const void *out, const float *lse,
                 const void *qk, const void *qkv, const int32_t *first, int b, int g,
                 struct attention_shape s, enum dtype t, const bool dot)
{
    int group = s.H / s.Hkv, from, to;
    size_t row = (size_t)b * s.T, qk_row = (size_t)(s.H + s.Hkv) * s.D,
           qkv_row = qk_row + (size_t)s.Hkv * s.D;
    size_t out_row = (size_t)s.H * s.D, key = row * qk_row + (s.H + g) * s.D;
    size_t value = row * qkv_row + (s.H + s.Hkv + g) * s.D;

    first = first ? first + row : NULL;
    pack_keys(&x, act_at(qk, key, t), qk_row, act_at(qkv, value, t), qkv_row, s.T, s.D, t, dot);
    for (int h = g * group; h < (g + 1) * group; h++)
        for (int q0 = 0; q0 < s.T; q0 += BLOCK_Q) {
            int rows = s.T - q0 < BLOCK_Q ? s.T - q0 : BLOCK_Q;
            size_t q = (row + q0) * qk_row + h * s.D, o = (row + q0) * out_row + h * s.D;
            pack_queries(&x, act_at(qk, q, t), qk_row, act_at(dout, o, t), act_at(out, o, t), out_row,
                         lse + ((size_t)b * s.H + h) * s.T + q0, rows, s.D, t, dot);
            memset(x.dq, 0, (size_t)rows * pad(s.D) * sizeof *x.dq);
            visible(first, q0, rows, &from, &to);
            for (int k0 = from; k0 < to; k0 += BLOCK_K)
                block_pair(&x, first, q0, rows, k0, to - k0 < BLOCK_K ? pad(to - k0) : BLOCK_K, s, dot);
            unpack_rows(act_at(dqk, q, t), qk_row, x.dq, rows, s.D, x.scale, t);
        }
    unpack_rows(act_at(dqk, key, t), qk_row, x.dk, s.T, s.D, x.scale, t);
    unpack_rows(act_at(dqkv, value, t), qkv_row, x.dv, s.T, s.D, 1.0f, t);
}

INLINE void backward(struct device *dev, void *dqk, void *dqkv, const void *dout, const void *out,
                     const float *lse, const void *qk, const void *qkv, const int32_t *first,
                     struct attention_shape s, enum dtype t)
{
    float *tiles = device_scratch(dev, SCRATCH_TILES, attention_scratch_bytes(dev, s));
#pragma omp parallel for num_threads(dev->threads) schedule(dynamic)
    for (int i = 0; i < s.B * s.Hkv; i++) {
        struct tiles x = tiles_at(tiles + omp_get_thread_num() * tiles_floats(s), s);
        ATTENTION_UNIT(dev, unit, t, x, dqk, dqkv, dout, out, lse, qk, qkv, first, i / s.Hkv, i % s.Hkv, s);
    }
}

size_t attention_scratch_bytes(struct device *dev, struct attention_shape s)
{
    return dev->threads * tiles_floats(s) * sizeof(float);
}

void attention_backward(struct device *dev, void *dqk, void *dqkv, const void *dout, const void *out,
                        const float *lse, const struct attention *in)
{
    assert(in->s.H % in->s.Hkv == 0);
    FOR_ACT(dev, backward, dev, dqk, dqkv, dout, out, lse, in->qk, in->qkv, in->first, in->s);
}
