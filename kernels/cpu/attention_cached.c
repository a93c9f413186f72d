/*
 * attention_cached.c - attention of a few new tokens over cached keys and values, for generation
 *
 * Mapping  one thread a (query head, new token): four keys side by side, then four vectors of the output at a
 *          time.
 * Cost     every query head reads keys and values once; rows of values are read in strips (D = 64: two strips
 *          with AVX2).
 */
#include "kernels/cpu/attention.h"
#include "kernels/cpu/table.h"

/* KEYS: keys whose scores are computed side by side. COLUMNS: vectors of output columns computed at once. */
enum { KEYS = 4, COLUMNS = 4 };

/* scores (keys) = scale q k; returns the largest. q (pad(D)) is f32, with zeros after column D. */
INLINE float score(float *scores, const float *q, const void *k, size_t stride, int keys, int D, float scale,
                   enum dtype t)
{
    float most = MASKED;
    for (int j = 0; j < keys; j += KEYS) {
        vf dot[KEYS] = {0};
        size_t row[KEYS];
        for (int u = 0; u < KEYS; u++)
            row[u] = (size_t)(j + u < keys ? j + u : j) * stride;
        for (int c = 0; c < D; c += VL)
#pragma GCC unroll 4
            for (int u = 0; u < KEYS; u++)
                dot[u] += vload_f32(q + c) * vget(k, row[u] + c, D - c, t);
        for (int u = 0; u < KEYS && j + u < keys; u++) {
            scores[j + u] = vsum(dot[u]) * scale;
            most = scores[j + u] > most ? scores[j + u] : most;
        }
    }
    return most;
}

/* Replaces scores by e^(score - most), with zeros from keys to pad(keys); returns their sum. */
INLINE float weigh(float *scores, float most, int keys)
{
    vf sum = vzero();
    for (int j = 0; j < keys; j += VL) {
        vf p = vkeep(vexp(vload_f32(scores + j) - most), 0, keys - j, 0);
        vstore_f32(scores + j, p);
        sum += p;
    }
    return vsum(sum);
}

/* Computes n vectors of output columns, from column c on: out = gain p v. */
INLINE void add_up(void *out, const float *p, const void *v, size_t stride, int keys, int c, const int n,
                   int D, float gain, enum dtype t)
{
    vf o[COLUMNS] = {0};
    for (int j = 0; j < keys; j++)
#pragma GCC unroll 4
        for (int u = 0; u < n; u++)
            o[u] += p[j] * vget(v, j * stride + c + u * VL, D - c - u * VL, t);
    for (int u = 0; u < n; u++)
        vput(out, c + u * VL, D - c - u * VL, o[u] * gain, t);
}

/* space: pad(D) floats for q, followed by pad(keys) floats for the scores. */
INLINE void one_query(void *out, const void *q, const void *k, const void *v, float *space, size_t stride,
                      int keys, int D, enum dtype t)
{
    float *scores = space + pad(D);
    int c = 0;
    for (int i = 0; i < D; i += VL)
        vstore_f32(space + i, vget(q, i, D - i, t));
    float most = score(scores, space, k, stride, keys, D, 1.0f / sqrtf(D), t),
          gain = 1.0f / weigh(scores, most, keys);
    for (; c + COLUMNS * VL <= D; c += COLUMNS * VL)
        add_up(out, scores, v, stride, keys, c, COLUMNS, D, gain, t);
    for (; c < D; c += VL)
        add_up(out, scores, v, stride, keys, c, 1, D, gain, t);
}

INLINE void cached(struct device *dev, void *out, const void *qk, const void *kcache, const void *vcache,
                   int n, int past, int H, int Hkv, int D, enum dtype t)
{
    size_t qk_row = (size_t)(H + Hkv) * D, stride = (size_t)Hkv * D, each = (size_t)pad(past + n) + pad(D);
    float *space = device_scratch(dev, SCRATCH_TILES, dev->threads * each * sizeof *space);
#pragma omp parallel for num_threads(dev->threads) schedule(dynamic) collapse(2)
    for (int i = 0; i < n; i++)
        for (int h = 0; h < H; h++) {
            size_t head = (size_t)(h / (H / Hkv)) * D;
            one_query(act_at(out, ((size_t)i * H + h) * D, t), act_at(qk, i * qk_row + h * D, t),
                      act_at(kcache, head, t), act_at(vcache, head, t), space + omp_get_thread_num() * each,
                      stride, past + i + 1, D, t);
        }
}

void attention_cached(struct device *dev, void *out, const void *qk, const void *kcache, const void *vcache,
                      int n, int past, const int32_t *past_at, int H, int Hkv, int D)
{
    past = past_at ? *past_at : past;
    FOR_ACT(dev, cached, dev, out, qk, kcache, vcache, n, past, H, Hkv, D);
}

void kv_append(struct device *dev, void *kcache, void *vcache, const void *qk, const void *qkv, int n,
               int past, const int32_t *past_at, int H, int Hkv, int D)
{
    past = past_at ? *past_at : past;
    enum dtype t = dev->act;
    size_t width = (size_t)Hkv * D, qk_row = (size_t)H * D + width, qkv_row = qk_row + width;
    for (int i = 0; i < n; i++) {
        size_t row = (size_t)(past + i) * width, bytes = width * dtype_bytes(t);
        memcpy(act_at(kcache, row, t), act_at(qk, i * qk_row + (size_t)H * D, t), bytes);
        memcpy(act_at(vcache, row, t), act_at(qkv, i * qkv_row + qk_row, t), bytes);
    }
}
