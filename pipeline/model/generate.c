/*
 * generate.c - the forward pass of new tokens over a cache of earlier keys and values
 */
#include "pipeline/model/forward.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CHUNK = 128,       /* tokens of a prompt handled at once: products of this height run near full speed */
    FIRST_REACH = 256, /* the ops of a single token are equal for all cache lengths up to this, then up to
                          twice this, and so on */
};

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
        snprintf(err, cap, "no memory for keys and values of %d tokens (%.1f MB)", T_max,
                 (double)bytes / 1e6);
    else
        kv->a = activations_new(w, 1, T_max < CHUNK ? T_max : CHUNK, ACT_FORWARD, 1, err, cap);
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

/* The positions tell the device how long the cache is: the first one is kv->len. */
static void upload_tokens(const struct weights *w, struct kv_cache *kv, const int32_t *tokens, int n)
{
    struct activations *a = kv->a;
    for (int i = 0; i < n; i++) {
        a->host[i] = tokens[i];
        a->host[a->N + (size_t)i] = kv->len + i;
    }
    w->ops->upload(w->dev, a->ids, a->host, (a->N + (size_t)n) * sizeof *a->host);
}

static void last_logits(const struct weights *w, struct kv_cache *kv, int n)
{
    const char *last =
        (const char *)kv->a->norm_last + (size_t)(n - 1) * (size_t)w->c.C * dtype_bytes(w->act);
    w->ops->linear_forward(w->dev, kv->a->logits, last, output_matrix(w), 1, w->c.C, w->c.V);
}

/* Feeds a chunk of tokens; the last chunk gives the logits. */
static void extend_chunk(const struct weights *w, struct kv_cache *kv, const int32_t *tokens, int n,
                         bool is_last)
{
    upload_tokens(w, kv, tokens, n);
    kv->reach = kv->len;
    forward_layers(w, kv->a, 1, n, false, kv);
    if (is_last)
        last_logits(w, kv, n);
    kv->len += n;
}

static uint64_t key_of(const struct weights *w, const struct kv_cache *kv)
{
    const uint64_t words[] = {(uintptr_t)w->theta,    (uintptr_t)w->work,  (uintptr_t)kv->base,
                              (uintptr_t)kv->a->base, (uint64_t)kv->T_max, (uint64_t)kv->reach};
    return replay_key(words, sizeof words / sizeof *words);
}

/* Feeds one token, with ops equal to those of the token before, which a backend may have recorded. */
static void extend_one(const struct weights *w, struct kv_cache *kv, int32_t token)
{
    upload_tokens(w, kv, &token, 1);
    kv->reach = FIRST_REACH;
    while (kv->reach <= kv->len)
        kv->reach *= 2;
    kv->reach = kv->reach < kv->T_max ? kv->reach : kv->T_max - 1;
    if (!w->ops->replay(w->dev, key_of(w, kv)))
        do {
            forward_layers(w, kv->a, 1, 1, false, kv);
            last_logits(w, kv, 1);
        } while (!w->ops->recorded(w->dev));
    kv->len++;
}

void model_extend(const struct weights *w, struct kv_cache *kv, const int32_t *tokens, int n, float *logits)
{
    assert(n > 0 && n <= kv->T_max - kv->len);
    int room = (int)kv->a->N;
    for (int i = 0, take; n > 1 && i < n; i += take) {
        take = n - i < room ? n - i : room;
        extend_chunk(w, kv, tokens + i, take, i + take == n);
    }
    if (n == 1)
        extend_one(w, kv, *tokens);
    download_f32(w, logits, kv->a->logits, (size_t)w->c.V);
}
