/*
 * attention_cached.c - attention of a few new tokens over cached keys and values, for generation
 *
 * Mapping  one thread a (query head, new token). Reads each cached row once: bound by memory.
 */
#include "kernels/cpu/attention.h"
#include "kernels/cpu/table.h"

/* scores holds keys + pad(D) floats: the scores, then the output. */
INLINE void one_query(void *out, const void *q, const void *k, const void *v, float *scores, size_t stride, int keys,
                      int D, enum dtype t)
{
    float *o = scores + keys, m = MASKED, sum = 0, scale = 1.0f / sqrtf(D);
    for (int j = 0; j < keys; j++) {
        vf dot = vzero();
        for (int c = 0; c < D; c += VL)
            dot += vget(q, c, D - c, t) * vget(k, j * stride + c, D - c, t);
        scores[j] = vsum(dot) * scale;
        m = scores[j] > m ? scores[j] : m;
    }
    memset(o, 0, pad(D) * sizeof *o);
    for (int j = 0; j < keys; j++) {
        float p = expf(scores[j] - m);
        sum += p;
        for (int c = 0; c < D; c += VL)
            vstore_f32(o + c, vload_f32(o + c) + vget(v, j * stride + c, D - c, t) * p);
    }
    unpack_rows(out, 0, o, 1, D, 1.0f / sum, t);
}

INLINE void cached(struct device *dev, void *out, const void *qk, const void *kcache, const void *vcache, int n,
                   int past, int H, int Hkv, int D, enum dtype t)
{
    size_t qk_row = (size_t)(H + Hkv) * D, stride = (size_t)Hkv * D, each = (size_t)past + n + pad(D);
    float *scores = device_scratch(dev, SCRATCH_TILES, dev->threads * each * sizeof *scores);
#pragma omp parallel for num_threads(dev->threads) schedule(dynamic) collapse(2)
    for (int i = 0; i < n; i++)
        for (int h = 0; h < H; h++) {
            size_t head = (size_t)(h / (H / Hkv)) * D;
            one_query(act_at(out, ((size_t)i * H + h) * D, t), act_at(qk, i * qk_row + h * D, t),
                      act_at(kcache, head, t), act_at(vcache, head, t), scores + omp_get_thread_num() * each, stride,
                      past + i + 1, D, t);
        }
}

void attention_cached(struct device *dev, void *out, const void *qk, const void *kcache, const void *vcache, int n,
                      int past, const int32_t *past_at, int H, int Hkv, int D)
{
    past = past_at ? *past_at : past;
    FOR_ACT(dev, cached, dev, out, qk, kcache, vcache, n, past, H, Hkv, D);
}

void kv_append(struct device *dev, void *kcache, void *vcache, const void *qk, const void *qkv, int n, int past,
               const int32_t *past_at, int H, int Hkv, int D)
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
