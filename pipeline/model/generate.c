/*
 * generate.c - the forward pass of new tokens over a cache of the keys and values before them
 */
#include "pipeline/model/forward.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHUNK = 128 };           /* tokens of a prompt at once: products of this height are near full speed */

struct kv_cache *kv_cache_alloc(const struct weights *w, int T_max, char *err, size_t cap)
{
    const struct model_config *c = &w->c;
    if (T_max < 1 || T_max > c->T) {
        snprintf(err, cap, "a cache of %d tokens: the model's context is %d", T_max, c->T);
        return NULL;
    }
    struct kv_cache *kv = calloc(1, sizeof *kv);
    if (!kv) {
        snprintf(err, cap, "no memory");
        return NULL;
    }
    size_t bytes = 2 * (size_t)c->L * (size_t)T_max * (size_t)c->Hkv * (size_t)c->D * dtype_bytes(w->act);
    kv->w = w;
    kv->T_max = T_max;
    kv->base = w->ops->alloc(w->dev, bytes);
    if (!kv->base)
        snprintf(err, cap, "no memory for keys and values of %d tokens (%.1f MB)", T_max, (double)bytes / 1e6);
    else
        kv->a = activations_new(w, 1, T_max < CHUNK ? T_max : CHUNK, false, 1, err, cap);
    if (!kv->a) {
        kv_cache_free(kv);
        return NULL;
    }
    return kv;
}

void kv_cache_free(struct kv_cache *kv)
{
    if (!kv)
        return;
    activations_free(kv->a);
    if (kv->base)
        kv->w->ops->free(kv->w->dev, kv->base);
    free(kv);
}

int kv_cache_len(const struct kv_cache *kv)
{
    return kv->len;
}

void kv_cache_truncate(struct kv_cache *kv, int len)
{
    assert(len >= 0 && len <= kv->len);
    kv->len = len;
}

static void extend_chunk(const struct weights *w, struct kv_cache *kv, const int32_t *tokens, int n)
{
    struct activations *a = kv->a;
    w->ops->upload(w->dev, a->ids, tokens, (size_t)n * sizeof *tokens);
    for (int i = 0; i < n; i++)
        a->host[i] = kv->len + i;
    w->ops->upload(w->dev, a->positions, a->host, (size_t)n * sizeof *a->host);
    forward_layers(w, a, 1, n, false, kv);
    kv->len += n;
}

void model_extend(const struct weights *w, struct kv_cache *kv, const int32_t *tokens, int n, float *logits)
{
    assert(n > 0 && n <= kv->T_max - kv->len);
    int room = (int)kv->a->N, take = 0;
    for (int i = 0; i < n; i += take) {
        take = n - i < room ? n - i : room;
        extend_chunk(w, kv, tokens + i, take);
    }
    size_t C = (size_t)w->c.C;
    const char *last = (const char *)kv->a->norm_last + (size_t)(take - 1) * C * dtype_bytes(w->act);
    w->ops->linear_forward(w->dev, kv->a->logits, last, output_matrix(w), 1, w->c.C, w->c.V);
    download_f32(w, logits, kv->a->logits, (size_t)w->c.V);
}
