/*
 * attention_cached.c - attention of a few new tokens over cached keys and values, for generation
 *
 * Mapping  one thread a (new token, group of heads whose keys lie side by side); within it four keys at a
 * time, and for these head after head. Cost     keys and values are read once, row after row as they lie in
 * memory, which the processor then fetches ahead; queries, scores and sums stay in the caches. Numerics sums
 * over keys in their order, in f32: a head's bits do not depend on the group it is in.
 */
#include "kernels/cpu/attention.h"
#include "kernels/cpu/table.h"

/* KEYS: keys that are looked at side by side. COLUMNS: vectors of output columns computed at once. */
enum { KEYS = 4, COLUMNS = 4 };

/* Some query heads of a new token. Rows of q, out and scores are one a head; `per` heads share a key. */
struct heads {
    float *q;      /* n rows of pad(D), zeros after column D; then sums of values */
    float *scores; /* n rows of `room` */
    float *most;   /* the largest score of each head; then what its sum of values is divided by */
    int n, per, room;
};

/* scores (keys) = scale q k for at most KEYS keys; returns the largest. */
INLINE float score(float *scores, const float *q, const void *k, size_t stride, int keys, int D, float scale,
                   enum dtype t)
{
    float most = MASKED;
    vf dot[KEYS] = {0};
    for (int c = 0; c < D; c += VL)
#pragma GCC unroll 4
        for (int u = 0; u < KEYS; u++)
            dot[u] += vload_f32(q + c) * vget(k, (u < keys ? u : 0) * stride + c, D - c, t);
    for (int u = 0; u < KEYS && u < keys; u++) {
        scores[u] = vsum(dot[u]) * scale;
        most = scores[u] > most ? scores[u] : most;
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

/* sums += p v: n vectors of columns, from column c on, of a few keys. */
INLINE void add_up(float *sums, const float *p, const void *v, size_t stride, int keys, int c, const int n,
                   int D, enum dtype t)
{
    vf o[COLUMNS];
    for (int u = 0; u < n; u++)
        o[u] = vload_f32(sums + c + u * VL);
    for (int j = 0; j < keys; j++)
#pragma GCC unroll 4
        for (int u = 0; u < n; u++)
            o[u] += p[j] * vget(v, j * stride + c + u * VL, D - c - u * VL, t);
    for (int u = 0; u < n; u++)
        vstore_f32(sums + c + u * VL, o[u]);
}

INLINE void score_all(const struct heads *s, const void *k, size_t stride, int keys, int D, enum dtype t)
{
    float scale = 1.0f / sqrtf(D);
    for (int h = 0; h < s->n; h++)
        s->most[h] = MASKED;
    for (int j = 0; j < keys; j += KEYS)
        for (int h = 0; h < s->n; h++) {
            float most = score(s->scores + (size_t)h * s->room + j, s->q + h * pad(D),
                               act_at(k, j * stride + h / s->per * D, t), stride, keys - j, D, scale, t);
            s->most[h] = most > s->most[h] ? most : s->most[h];
        }
}

INLINE void add_all(const struct heads *s, const void *v, size_t stride, int keys, int D, enum dtype t)
{
    for (int j = 0; j < keys; j += KEYS)
        for (int h = 0; h < s->n; h++) {
            int few = keys - j < KEYS ? keys - j : KEYS, c = 0;
            const float *p = s->scores + (size_t)h * s->room + j;
            const void *rows = act_at(v, j * stride + h / s->per * D, t);
            for (; c + COLUMNS * VL <= D; c += COLUMNS * VL)
                add_up(s->q + h * pad(D), p, rows, stride, few, c, COLUMNS, D, t);
            for (; c < D; c += VL)
                add_up(s->q + h * pad(D), p, rows, stride, few, c, 1, D, t);
        }
}

INLINE void some_heads(const struct heads *s, void *out, const void *q, const void *k, const void *v,
                       size_t stride, int keys, int D, enum dtype t)
{
    for (int h = 0; h < s->n; h++)
        for (int c = 0; c < D; c += VL)
            vstore_f32(s->q + h * pad(D) + c, vget(q, h * D + c, D - c, t));
    score_all(s, k, stride, keys, D, t);
    for (int h = 0; h < s->n; h++)
        s->most[h] = 1.0f / weigh(s->scores + (size_t)h * s->room, s->most[h], keys);
    memset(s->q, 0, (size_t)s->n * pad(D) * sizeof *s->q);
    add_all(s, v, stride, keys, D, t);
    for (int h = 0; h < s->n; h++)
        for (int c = 0; c < D; c += VL)
            vput(out, h * D + c, D - c, vload_f32(s->q + h * pad(D) + c) * s->most[h], t);
}

INLINE void cached(struct device *dev, void *out, const void *qk, const void *kcache, const void *vcache,
                   int n, int past, int H, int Hkv, int D, enum dtype t)
{
    int per = H / Hkv, most = (Hkv + dev->threads - 1) / dev->threads, groups = (Hkv + most - 1) / most;
    size_t qk_row = (size_t)(H + Hkv) * D, stride = (size_t)Hkv * D, room = pad(past + n),
           each = pad((size_t)most * per * (pad(D) + room + 1));
    float *space = device_scratch(dev, SCRATCH_TILES, dev->threads * each * sizeof *space);
#pragma omp parallel for num_threads(dev->threads) schedule(dynamic) collapse(2)
    for (int i = 0; i < n; i++)
        for (int g = 0; g < groups; g++) {
            int first = g * most, last = first + most < Hkv ? first + most : Hkv;
            struct heads s = {.n = (last - first) * per, .per = per, .room = (int)room};
            s.q = space + omp_get_thread_num() * each;
            s.scores = s.q + (size_t)s.n * pad(D);
            s.most = s.scores + s.n * room;
            some_heads(&s, act_at(out, ((size_t)i * H + first * per) * D, t),
                       act_at(qk, i * qk_row + (size_t)first * per * D, t),
                       act_at(kcache, (size_t)first * D, t), act_at(vcache, (size_t)first * D, t), stride,
                       past + i + 1, D, t);
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
