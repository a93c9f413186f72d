/*
 * qk_norm_rope.c - prepares queries and keys for attention: each head is normed, then rotated by its position
 *
 *   a[i]         = x[i] * r * g[i],  r = 1 / sqrt(mean_i x[i]^2 + eps)         one head of one token: x, (D)
 *   y[i]         = a[i] * cos(p w_i)       - a[i + D/2] * sin(p w_i)           for i < D/2: the pair
 *   y[i + D/2]   = a[i + D/2] * cos(p w_i) + a[i] * sin(p w_i)                 (i, i + D/2) turns by p w_i
 *
 * Queries and keys at positions p and p' are turned by p w and p' w, so their product depends on p - p'
 * alone: that is how attention learns the order of the tokens.
 *
 * Backward turns dy back by the same angle, which gives da; from there on it is the backward of rmsnorm.c:
 *   da[i] = dy[i] cos + dy[i + D/2] sin            da[i + D/2] = dy[i + D/2] cos - dy[i] sin
 *   dx[i] = r g[i] da[i] - x[i] r^3 mean_k(g[k] da[k] x[k])
 *   dg[i] = sum over heads and tokens of da[i] x[i] r
 *
 * Shapes   qkv, dqkv: (N,(H+2Hkv)*D) act; a row holds the H query heads, the Hkv key heads, the Hkv value
 * heads. qk, dqk: (N,(H+Hkv)*D) act. rstd: (N,H+Hkv) f32. gq, gk, dgq, dgk: (D) f32, shared by all heads.
 *          rope: (T_max,D) f32; row p holds D/2 cosines, then D/2 sines. positions: (N).
 * Writes   qk, rstd and the query and key parts of dqkv are overwritten. dgq and dgk are overwritten, or
 * added to when accumulate. Source   Su et al. 2021, arXiv:2104.09864; the norm of each head as in Qwen3
 */
#include <math.h>
#include "kernels/reference/element.h"
#include "kernels/reference/table.h"

/* x and y start at the head's first element; turn is the position's row of rope. Returns r. */
static double forward_head(const struct device *dev, void *qk, size_t y, const void *qkv, size_t x,
                           const float *g, const float *turn, int D, float eps)
{
    int half = D / 2;
    double squares = 0;
    for (int i = 0; i < D; i++)
        squares += load(dev, qkv, x + i) * load(dev, qkv, x + i);
    double r = 1 / sqrt(squares / D + eps);
    for (int i = 0; i < half; i++) {
        double a = load(dev, qkv, x + i) * r * g[i], b = load(dev, qkv, x + half + i) * r * g[half + i];
        double cosine = turn[i], sine = turn[half + i];
        store(dev, qk, y + i, a * cosine - b * sine);
        store(dev, qk, y + half + i, b * cosine + a * sine);
    }
    return r;
}

void reference_qk_norm_rope_forward(struct device *dev, void *qk, float *rstd, const void *qkv,
                                    const float *gq, const float *gk, const float *rope,
                                    const int32_t *positions, int N, int H, int Hkv, int D, float eps)
{
    size_t heads = H + Hkv;
    for (size_t n = 0; n < (size_t)N; n++)
        for (size_t h = 0; h < heads; h++)
            rstd[n * heads + h] =
                (float)forward_head(dev, qk, (n * heads + h) * D, qkv, (n * (heads + Hkv) + h) * D,
                                    h < (size_t)H ? gq : gk, rope + (size_t)positions[n] * D, D, eps);
}

/* Writes dx and adds to dg, which is double so that it is rounded once, after the last head. */
static void backward_head(const struct device *dev, void *dqkv, double *dg, const void *dqk, size_t y,
                          const void *qkv, size_t x, const float *g, double r, const float *turn, int D)
{
    int half = D / 2;
    double da[D], mean = 0;
    for (int i = 0; i < half; i++) {
        double cosine = turn[i], sine = turn[half + i];
        double dy = load(dev, dqk, y + i), dy_half = load(dev, dqk, y + half + i);
        da[i] = dy * cosine + dy_half * sine;
        da[half + i] = dy_half * cosine - dy * sine;
    }
    for (int i = 0; i < D; i++)
        mean += g[i] * da[i] * load(dev, qkv, x + i) / D;
    for (int i = 0; i < D; i++) {
        double xi = load(dev, qkv, x + i);
        store(dev, dqkv, x + i, r * g[i] * da[i] - xi * r * r * r * mean);
        dg[i] += da[i] * xi * r;
    }
}

void reference_qk_norm_rope_backward(struct device *dev, void *dqkv, float *dgq, float *dgk, const void *dqk,
                                     const void *qkv, const float *rstd, const float *gq, const float *gk,
                                     const float *rope, const int32_t *positions, int N, int H, int Hkv,
                                     int D, bool accumulate)
{
    size_t heads = H + Hkv;
    double sum_q[D], sum_k[D];
    for (int i = 0; i < D; i++) {
        sum_q[i] = accumulate ? dgq[i] : 0;
        sum_k[i] = accumulate ? dgk[i] : 0;
    }
    for (size_t n = 0; n < (size_t)N; n++)
        for (size_t h = 0; h < heads; h++) {
            bool query = h < (size_t)H;
            backward_head(dev, dqkv, query ? sum_q : sum_k, dqk, (n * heads + h) * D, qkv,
                          (n * (heads + Hkv) + h) * D, query ? gq : gk, rstd[n * heads + h],
                          rope + (size_t)positions[n] * D, D);
        }
    for (int i = 0; i < D; i++) {
        dgq[i] = (float)sum_q[i];
        dgk[i] = (float)sum_k[i];
    }
}
