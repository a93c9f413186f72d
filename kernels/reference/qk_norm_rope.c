/*
 * qk_norm_rope.c - prepares queries and keys for attention: each head is normed, then rotated by its position
 *
 * One head of one token is a vector x of D elements, and its token stands at position p:
 *   a[i]       = x[i] * r * g[i],  r = 1 / sqrt(mean_i x[i]^2 + eps)
 *   y[i]       = a[i] * cos(p w_i)       - a[i + D/2] * sin(p w_i)         for i < D/2: the pair
 *   y[i + D/2] = a[i + D/2] * cos(p w_i) + a[i] * sin(p w_i)               (i, i + D/2) turns by p w_i
 *
 * Queries and keys at positions p and p' are turned by p w and p' w, so their product depends on p - p'
 * alone: that is how attention learns the order of the tokens.
 *
 * Backward turns dy back by the same angle, which gives da; from there on it is the backward of rmsnorm.c:
 *   da[i]       = dy[i] * cos(p w_i)       + dy[i + D/2] * sin(p w_i)
 *   da[i + D/2] = dy[i + D/2] * cos(p w_i) - dy[i] * sin(p w_i)
 *   dx[i]       = r g[i] da[i] - x[i] r^3 mean_k(g[k] da[k] x[k])
 *   dg[i]       = sum over heads and tokens of da[i] x[i] r
 *
 * Without gains (Llama) there is no norm: a is x, and dx is da.
 *
 * Shapes   qkv, dqkv: (N,(H+2Hkv)*D) act; a row holds H query heads, Hkv key heads, Hkv value heads.
 *          qk, dqk: (N,(H+Hkv)*D) act. rstd: (N,H+Hkv) f32, the r of each head.
 *          gq, gk, dgq, dgk: (D) f32; all query heads share gq, all key heads gk.
 *          rope: (T_max,D) f32; row p holds D/2 cosines, then D/2 sines. positions: (N).
 * Writes   qk, rstd and the query and key parts of dqkv are overwritten.
 *          dgq and dgk are overwritten, or added to when accumulate.
 * Source   Su et al. 2021, arXiv:2104.09864; the norm of each head as in Qwen3
 */
#include <math.h>
#include "kernels/reference/element.h"
#include "kernels/reference/table.h"

/* The number of elements before head h of token n: in qk, and in qkv. */
static size_t at_qk(const struct qk_norm_rope *in, size_t n, int h)
{
    return (n * (in->H + in->Hkv) + h) * in->D;
}

static size_t at_qkv(const struct qk_norm_rope *in, size_t n, int h)
{
    return (n * (in->H + 2 * in->Hkv) + h) * in->D;
}

/* Head h of token n. Returns r. */
static double forward_head(const struct device *dev, void *qk, const struct qk_norm_rope *in, size_t n, int h,
                           float eps)
{
    size_t x = at_qkv(in, n, h), y = at_qk(in, n, h);
    const float *g = h < in->H ? in->gq : in->gk, *turn = in->rope + (size_t)in->positions[n] * in->D;
    int half = in->D / 2;
    double squares = 0;
    for (int i = 0; i < in->D; i++)
        squares += load(dev, in->qkv, x + i) * load(dev, in->qkv, x + i);
    double r = g ? 1 / sqrt(squares / in->D + eps) : 1;
    for (int i = 0; i < half; i++) {
        double a = load(dev, in->qkv, x + i) * r * (g ? g[i] : 1);
        double a_half = load(dev, in->qkv, x + half + i) * r * (g ? g[half + i] : 1);
        double cosine = turn[i], sine = turn[half + i];
        store(dev, qk, y + i, a * cosine - a_half * sine);
        store(dev, qk, y + half + i, a_half * cosine + a * sine);
    }
    return r;
}

void reference_qk_norm_rope_forward(struct device *dev, void *qk, float *rstd, const struct qk_norm_rope *in,
                                    float eps)
{
    int heads = in->H + in->Hkv;
    for (size_t n = 0; n < (size_t)in->N; n++)
        for (int h = 0; h < heads; h++) {
            double r = forward_head(dev, qk, in, n, h, eps);
            if (in->gq)
                rstd[n * heads + h] = (float)r;
        }
}

/* Writes dx of head h of token n, and adds to dg, which is double so that it is rounded once, after the last
 * head.
 */
static void backward_head(const struct device *dev, void *dqkv, double *dg, const void *dqk, double r,
                          const struct qk_norm_rope *in, size_t n, int h)
{
    size_t x = at_qkv(in, n, h), y = at_qk(in, n, h);
    const float *g = h < in->H ? in->gq : in->gk, *turn = in->rope + (size_t)in->positions[n] * in->D;
    int half = in->D / 2;
    double da[in->D], mean = 0;
    for (int i = 0; i < half; i++) {
        double cosine = turn[i], sine = turn[half + i];
        double dy = load(dev, dqk, y + i), dy_half = load(dev, dqk, y + half + i);
        da[i] = dy * cosine + dy_half * sine;
        da[half + i] = dy_half * cosine - dy * sine;
    }
    for (int i = 0; !g && i < in->D; i++)
        store(dev, dqkv, x + i, da[i]);
    for (int i = 0; g && i < in->D; i++)
        mean += g[i] * da[i] * load(dev, in->qkv, x + i) / in->D;
    for (int i = 0; g && i < in->D; i++) {
        double xi = load(dev, in->qkv, x + i);
        store(dev, dqkv, x + i, r * g[i] * da[i] - xi * r * r * r * mean);
        dg[i] += da[i] * xi * r;
    }
}

void reference_qk_norm_rope_backward(struct device *dev, void *dqkv, float *dgq, float *dgk, const void *dqk,
                                     const float *rstd, const struct qk_norm_rope *in, bool accumulate)
{
    int heads = in->H + in->Hkv;
    double sum_q[in->D], sum_k[in->D];
    for (int i = 0; in->gq && i < in->D; i++) {
        sum_q[i] = accumulate ? dgq[i] : 0;
        sum_k[i] = accumulate ? dgk[i] : 0;
    }
    for (size_t n = 0; n < (size_t)in->N; n++)
        for (int h = 0; h < heads; h++)
            backward_head(dev, dqkv, h < in->H ? sum_q : sum_k, dqk, in->gq ? rstd[n * heads + h] : 1, in, n,
                          h);
    for (int i = 0; in->gq && i < in->D; i++) {
        dgq[i] = (float)sum_q[i];
        dgk[i] = (float)sum_k[i];
    }
}
