/*
 * attention_backward.c - causal attention, backward
 *
 *   p[i,j] = e^(s[i,j] - lse[i])        delta[i] = dout[i].out[i]
 *   dv[j] = sum_i p[i,j] dout[i]        ds[i,j] = p[i,j] (dout[i].v[j] - delta[i])
 *   dq[i] = sum_j ds[i,j] k[j]/sqrt(D)  dk[j] = sum_i ds[i,j] q[i]/sqrt(D)
 *
 * Mapping  one thread a (sequence, key/value head): it adds what the query heads of its group give to dk and dv in
 *          order, so equal inputs give equal bits whatever the number of threads.
 * Numerics f32 throughout, one rounding at the store.
 * Source   Dao 2023, arXiv:2307.08691
 */
#include "kernels/cpu/attention.h"
#include "kernels/cpu/table.h"

struct tiles {
    float *k, *kT, *vT, *dk, *dv;       /* (pad(T), pad(D)), or transposed */
    float *q, *dout, *dq;               /* (BLOCK_Q, pad(D)) */
    float *p, *ds;                      /* (BLOCK_Q, BLOCK_K) */
    float lse[BLOCK_Q], delta[BLOCK_Q];
};

static size_t tiles_floats(struct attention_shape s)
{
    return 5 * (size_t)pad(s.T) * pad(s.D) + 3 * BLOCK_Q * (size_t)pad(s.D) + 2 * BLOCK_Q * BLOCK_K;
}

static struct tiles tiles_at(float *p, struct attention_shape s)
{
    size_t sequence = (size_t)pad(s.T) * pad(s.D), block = BLOCK_Q * (size_t)pad(s.D);
    struct tiles x = {.k = p, .kT = p + sequence, .vT = p + 2 * sequence, .dk = p + 3 * sequence};
    x.dv = x.dk + sequence;
    x.q = x.dv + sequence;
    x.dout = x.q + block;
    x.dq = x.dout + block;
    x.p = x.dq + block;
    x.ds = x.p + BLOCK_Q * BLOCK_K;
    return x;
}

/* Scores -> probabilities, and dout.v -> ds, for row r of keys k0..k0+n. */
INLINE void scores_row(struct tiles *x, int r, int k0, int n, int lo, int hi)
{
    float *p = x->p + r * BLOCK_K, *ds = x->ds + r * BLOCK_K;
    for (int c = 0; c < n; c += VL) {
        vf e = mask(vexp(vload_f32(p + c) - x->lse[r]), k0 + c, lo, hi, 0);
        vstore_f32(p + c, e);
        vstore_f32(ds + c, e * (vload_f32(ds + c) - x->delta[r]));
    }
}

INLINE void query_block(struct tiles *x, const int32_t *first, int q0, int rows, struct attention_shape s)
{
    int width = pad(s.D), height = pad(s.T), from, to;
    visible(first, q0, rows, &from, &to);
    memset(x->dq, 0, (size_t)rows * width * sizeof *x->dq);
    for (int k0 = from; k0 < to; k0 += BLOCK_K) {
        int n = to - k0 < BLOCK_K ? pad(to - k0) : BLOCK_K;
        size_t at = (size_t)k0 * width;
        tile_product(x->p, BLOCK_K, (struct tile_a){x->q, width, 1}, x->kT + k0, height, rows, n, s.D, false);
        tile_product(x->ds, BLOCK_K, (struct tile_a){x->dout, width, 1}, x->vT + k0, height, rows, n, s.D, false);
        for (int r = 0; r < rows; r++)
            scores_row(x, r, k0, n, first ? first[q0 + r] : 0, q0 + r + 1);
        tile_product(x->dq, width, (struct tile_a){x->ds, BLOCK_K, 1}, x->k + at, width, rows, width, n, true);
        tile_product(x->dk + at, width, (struct tile_a){x->ds, 1, BLOCK_K}, x->q, width, n, width, rows, true);
        tile_product(x->dv + at, width, (struct tile_a){x->p, 1, BLOCK_K}, x->dout, width, n, width, rows, true);
    }
}

INLINE void pack_queries(struct tiles *x, const void *q, size_t qk_row, const void *dout, const void *out,
                         size_t out_row, const float *lse, int rows, int D, enum dtype t)
{
    pack_rows(x->q, q, qk_row, rows, D, 1.0f / sqrtf(D), t);
    pack_rows(x->dout, dout, out_row, rows, D, 1.0f, t);
    memcpy(x->lse, lse, rows * sizeof *lse);
    for (int r = 0; r < rows; r++) {
        vf sum = vzero();
        for (int c = 0; c < D; c += VL)
            sum += vget(dout, r * out_row + c, D - c, t) * vget(out, r * out_row + c, D - c, t);
        x->delta[r] = vsum(sum);
    }
}

INLINE void pack_keys(struct tiles *x, const void *k, size_t qk_row, const void *v, size_t qkv_row, int T, int D,
                      enum dtype t)
{
    int width = pad(D);
    size_t used = (size_t)T * width, all = (size_t)pad(T) * width;
    memset(x->k + used, 0, (all - used) * sizeof *x->k);
    pack_rows(x->k, v, qkv_row, T, D, 1.0f, t);
    transpose(x->vT, x->k, T, D);
    pack_rows(x->k, k, qk_row, T, D, 1.0f, t);
    transpose(x->kT, x->k, T, D);
    memset(x->dk, 0, all * sizeof *x->dk);
    memset(x->dv, 0, all * sizeof *x->dv);
}

INLINE void unit(struct tiles x, void *dqk, void *dqkv, const void *dout, const void *out, const float *lse,
                 const void *qk, const void *qkv, const int32_t *first, int b, int g, struct attention_shape s,
                 enum dtype t)
{
    int group = s.H / s.Hkv;
    size_t row = (size_t)b * s.T, qk_row = (size_t)(s.H + s.Hkv) * s.D, qkv_row = qk_row + (size_t)s.Hkv * s.D;
    size_t out_row = (size_t)s.H * s.D, key = row * qk_row + (s.H + g) * s.D;
    size_t value = row * qkv_row + (s.H + s.Hkv + g) * s.D;

    pack_keys(&x, act_at(qk, key, t), qk_row, act_at(qkv, value, t), qkv_row, s.T, s.D, t);
    for (int h = g * group; h < (g + 1) * group; h++)
        for (int q0 = 0; q0 < s.T; q0 += BLOCK_Q) {
            int rows = s.T - q0 < BLOCK_Q ? s.T - q0 : BLOCK_Q;
            size_t q = (row + q0) * qk_row + h * s.D, o = (row + q0) * out_row + h * s.D;
            pack_queries(&x, act_at(qk, q, t), qk_row, act_at(dout, o, t), act_at(out, o, t), out_row,
                         lse + ((size_t)b * s.H + h) * s.T + q0, rows, s.D, t);
            query_block(&x, first ? first + row : NULL, q0, rows, s);
            unpack_rows(act_at(dqk, q, t), qk_row, x.dq, rows, s.D, 1.0f / sqrtf(s.D), t);
        }
    unpack_rows(act_at(dqk, key, t), qk_row, x.dk, s.T, s.D, 1.0f, t);
    unpack_rows(act_at(dqkv, value, t), qkv_row, x.dv, s.T, s.D, 1.0f, t);
}

INLINE void backward(struct device *dev, void *dqk, void *dqkv, const void *dout, const void *out, const float *lse,
                     const void *qk, const void *qkv, const int32_t *first, struct attention_shape s, enum dtype t)
{
    float *tiles = device_scratch(dev, SCRATCH_TILES, dev->threads * tiles_floats(s) * sizeof *tiles);
#pragma omp parallel for num_threads(dev->threads) schedule(dynamic)
    for (int i = 0; i < s.B * s.Hkv; i++)
        unit(tiles_at(tiles + omp_get_thread_num() * tiles_floats(s), s), dqk, dqkv, dout, out, lse, qk, qkv, first,
             i / s.Hkv, i % s.Hkv, s, t);
}

void attention_backward(struct device *dev, void *dqk, void *dqkv, const void *dout, const void *out,
                        const float *lse, const void *qk, const void *qkv, const int32_t *first,
                        struct attention_shape s)
{
    assert(s.H % s.Hkv == 0);
    FOR_ACT(dev, backward, dev, dqk, dqkv, dout, out, lse, qk, qkv, first, s);
}
