/*
 * qk_norm_rope.c - RMSNorm of each query and key head, then rotary position embedding
 *
 *   a = x * r * g,  r = 1 / sqrt(mean x^2 + eps)                 (one head of one token, D wide)
 *   y[i]       = a[i] cos_i - a[i+D/2] sin_i
 *   y[i + D/2] = a[i+D/2] cos_i + a[i] sin_i                     (i < D/2)
 *   backward: da is dy rotated by the opposite angle, then as rmsnorm.c
 *   without gains there is no norm: a = x, and dx is da
 *
 * Shapes   see ops.h; heads 0..H-1 of a row are queries (gain gq), the next Hkv keys (gain gk).
 * Mapping  rows over threads; dgq, dgk through one partial sum a thread, added in order.
 * Source   Su et al. 2021, arXiv:2104.09864; per-head norm as in Qwen3
 */
#include "kernels/cpu/device.h"
#include "kernels/cpu/table.h"
#include "kernels/vec.h"

INLINE float forward_head(void *y, const void *x, const float *g, const float *rope, int D, float eps,
                          enum dtype t)
{
    int half = D / 2;
    vf square = vzero();
    for (int c = 0; c < D; c += VL) {
        vf a = vget(x, c, D - c, t);
        square += a * a;
    }
    float r = 1.0f / sqrtf(vsum(square) / D + eps);
    for (int i = 0; i < half; i += VL) {
        int left = half - i;
        vf cosine = vget(rope, i, left, DTYPE_F32), sine = vget(rope, half + i, left, DTYPE_F32);
        vf a = vget(x, i, left, t) * r * vget(g, i, left, DTYPE_F32);
        vf b = vget(x, half + i, left, t) * r * vget(g, half + i, left, DTYPE_F32);
        vput(y, i, left, a * cosine - b * sine, t);
        vput(y, half + i, left, b * cosine + a * sine, t);
    }
    return r;
}

/* Turns a head by its position, or back when sign is -1. */
INLINE void turn_head(void *y, const void *x, const float *rope, int D, float sign, enum dtype t)
{
    int half = D / 2;
    for (int i = 0; i < half; i += VL) {
        int left = half - i;
        vf cosine = vget(rope, i, left, DTYPE_F32), sine = vget(rope, half + i, left, DTYPE_F32) * sign;
        vf a = vget(x, i, left, t), b = vget(x, half + i, left, t);
        vput(y, i, left, a * cosine - b * sine, t);
        vput(y, half + i, left, b * cosine + a * sine, t);
    }
}

/* Turns the query and key heads of every token: from rows of from_heads heads into rows of to_heads. */
INLINE void turn(struct device *dev, void *to, int to_heads, const void *from, int from_heads,
                 const struct qk_norm_rope *in, float sign, enum dtype t)
{
    int heads = in->H + in->Hkv, D = in->D;
#pragma omp parallel for num_threads(dev->threads) schedule(static)
    for (int n = 0; n < in->N; n++)
        for (int h = 0; h < heads; h++)
            turn_head(act_at(to, ((size_t)n * to_heads + h) * D, t),
                      act_at(from, ((size_t)n * from_heads + h) * D, t),
                      in->rope + (size_t)in->positions[n] * D, D, sign, t);
}

INLINE void forward(struct device *dev, void *qk, float *rstd, const struct qk_norm_rope *in, float eps,
                    enum dtype t)
{
    int H = in->H, heads = H + in->Hkv, D = in->D;
    size_t from = (size_t)(heads + in->Hkv) * D, to = (size_t)heads * D;
#pragma omp parallel for num_threads(dev->threads) schedule(static)
    for (int n = 0; n < in->N; n++) {
        for (int h = 0; h < heads; h++)
            rstd[(size_t)n * heads + h] =
                forward_head(act_at(qk, n * to + h * D, t), act_at(in->qkv, n * from + h * D, t),
                             h < H ? in->gq : in->gk, in->rope + (size_t)in->positions[n] * D, D, eps, t);
    }
}

void qk_norm_rope_forward(struct device *dev, void *qk, float *rstd, const struct qk_norm_rope *in, float eps)
{
    assert(in->D % 2 == 0 && !in->gq == !in->gk);
    int heads = in->H + in->Hkv;
    if (in->gq)
        FOR_ACT(dev, forward, dev, qk, rstd, in, eps);
    else
        FOR_ACT(dev, turn, dev, qk, heads, in->qkv, heads + in->Hkv, in, 1);
}

INLINE void backward_head(void *dx, float *dg, const void *dy, const void *x, const float *g, float r,
                          const float *rope, int D, enum dtype t)
{
    int half = D / 2;
    vf dot = vzero();
    for (int pass = 0; pass < 2; pass++) {
        float k = pass ? vsum(dot) / D * r * r * r : 0;
        for (int i = 0; i < half; i += VL) {
            int left = half - i;
            vf cosine = vget(rope, i, left, DTYPE_F32), sine = vget(rope, half + i, left, DTYPE_F32);
            vf u = vget(dy, i, left, t), w = vget(dy, half + i, left, t);
            vf da = u * cosine + w * sine, db = w * cosine - u * sine;
            vf a = vget(x, i, left, t), b = vget(x, half + i, left, t);
            vf ga = vget(g, i, left, DTYPE_F32), gb = vget(g, half + i, left, DTYPE_F32);
            if (pass == 0) {
                dot += da * a * ga + db * b * gb;
                vput(dg, i, left, vget(dg, i, left, DTYPE_F32) + da * a * r, DTYPE_F32);
                vput(dg, half + i, left, vget(dg, half + i, left, DTYPE_F32) + db * b * r, DTYPE_F32);
            } else {
                vput(dx, i, left, da * ga * r - a * k, t);
                vput(dx, half + i, left, db * gb * r - b * k, t);
            }
        }
    }
}

INLINE void backward(struct device *dev, void *dqkv, float *dgq, float *dgk, const void *dqk,
                     const float *rstd, const struct qk_norm_rope *in, bool accumulate, enum dtype t)
{
    int H = in->H, heads = H + in->Hkv, D = in->D, threads = dev->threads;
    size_t from = (size_t)(heads + in->Hkv) * D, to = (size_t)heads * D,
           stride = (2 * (size_t)D + 15) & ~(size_t)15;
    float *partial = device_scratch(dev, SCRATCH_PARTIAL, threads * stride * sizeof *partial);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int i = 0; i < threads; i++) {
        float *mine = partial + i * stride;
        int lo, hi;
        memset(mine, 0, 2 * D * sizeof *mine);
        device_share(in->N, i, threads, &lo, &hi);
        for (int n = lo; n < hi; n++)
            for (int h = 0; h < heads; h++)
                backward_head(act_at(dqkv, n * from + h * D, t), h < H ? mine : mine + D,
                              act_at(dqk, n * to + h * D, t), act_at(in->qkv, n * from + h * D, t),
                              h < H ? in->gq : in->gk, rstd[(size_t)n * heads + h],
                              in->rope + (size_t)in->positions[n] * D, D, t);
    }
    for (int i = 0; i < threads; i++)
        for (int c = 0; c < D; c++) {
            bool add = i > 0 || accumulate;
            dgq[c] = (add ? dgq[c] : 0) + partial[i * stride + c];
            dgk[c] = (add ? dgk[c] : 0) + partial[i * stride + D + c];
        }
}

void qk_norm_rope_backward(struct device *dev, void *dqkv, float *dgq, float *dgk, const void *dqk,
                           const float *rstd, const struct qk_norm_rope *in, bool accumulate)
{
    int heads = in->H + in->Hkv;
    if (in->gq)
        FOR_ACT(dev, backward, dev, dqkv, dgq, dgk, dqk, rstd, in, accumulate);
    else
        FOR_ACT(dev, turn, dev, dqkv, heads + in->Hkv, dqk, heads, in, -1);
}
