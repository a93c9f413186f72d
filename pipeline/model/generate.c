/*
 * generate.c - the forward pass of new tokens over a cache of earlier keys and values
 */
#include "pipeline/model/forward.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    FIRST_REACH = 256
}; /* the ops of a single token are equal for all cache lengths up to this, then up to
      twice this, and so on */

static size_t slot_bytes(const struct weights *w, int T_max)
{
    const struct model_config *c = &w->c;
    return 2 * (size_t)c->L * (size_t)T_max * (size_t)c->Hkv * (size_t)c->D * dtype_bytes(w->act);
}

size_t kv_cache_bytes(const struct weights *w, int slots, int T_max)
{
    return (size_t)slots * slot_bytes(w, T_max);
}

struct kv_cache *kv_cache_alloc(const struct weights *w, int slots, int T_max, char *err, size_t cap)
{
    assert(slots > 0);
    if (T_max < 1 || T_max > w->c.T) {
        snprintf(err, cap, "a cache of %d tokens: the model's context is %d", T_max, w->c.T);
        return NULL;
    }
    struct kv_cache *kv = calloc(1, sizeof *kv);
    int rows = T_max < KV_CHUNK ? T_max : KV_CHUNK;
    if (!kv || !(kv->len = calloc((size_t)slots, sizeof *kv->len))) {
        snprintf(err, cap, "no memory");
        free(kv);
        return NULL;
    }
    kv->w = w;
    kv->slots = slots;
    kv->T_max = T_max;
    kv->base = w->ops->alloc(w->dev, kv_cache_bytes(w, slots, T_max));
    if (!kv->base)
        snprintf(err, cap, "no memory for keys and values of %d x %d tokens (%.1f MB)", slots, T_max,
                 (double)kv_cache_bytes(w, slots, T_max) / 1e6);
    else if (rows < slots)
        kv->a = activations_new(w, slots, 1, ACT_FORWARD, (size_t)slots, err, cap);
    else
        kv->a = activations_new(w, 1, rows, ACT_FORWARD, (size_t)slots, err, cap);
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
    free(kv->len);
    free(kv);
}

int kv_cache_room(const struct kv_cache *kv)
{
    return kv->T_max;
}

int kv_cache_len(const struct kv_cache *kv, int slot)
{
    return kv->len[slot];
}

void kv_cache_truncate(struct kv_cache *kv, int slot, int len)
{
    assert(len >= 0 && len <= kv->len[slot]);
    kv->len[slot] = len;
}

void kv_cache_copy(struct kv_cache *kv, int to, int from, int len)
{
    const struct weights *w = kv->w;
    size_t arrays = 2 * (size_t)w->c.L, slot = slot_bytes(w, kv->T_max), each = slot / arrays;
    assert(to != from && len <= kv->len[from]);
    for (size_t i = 0; i < arrays && len > 0; i++)
        w->ops->copy(w->dev, kv->base + (size_t)to * slot + i * each,
                     kv->base + (size_t)from * slot + i * each, each / (size_t)kv->T_max * (size_t)len);
    kv->len[to] = len;
}

/* Uploads n tokens of each of kv->n_fed texts. The first position of a text tells the device how long its
 * slot is. */
static void upload_tokens(const struct weights *w, struct kv_cache *kv, const int32_t *tokens, int n)
{
    struct activations *a = kv->a;
    size_t all = (size_t)kv->n_fed * (size_t)n;
    kv->reach = 0;
    for (int b = 0; b < kv->n_fed; b++) {
        int len = kv->len[kv->fed[b]];
        kv->reach = len > kv->reach ? len : kv->reach;
        for (int i = 0; i < n; i++) {
            a->host[b * n + i] = tokens[b * n + i];
            a->host[a->N + (size_t)(b * n + i)] = len + i;
        }
    }
    w->ops->upload(w->dev, a->ids, a->host, (a->N + all) * sizeof *a->host);
}

static void row_logits(const struct weights *w, struct kv_cache *kv, int first, int n)
{
    const char *row = (const char *)kv->a->norm_last + (size_t)first * (size_t)w->c.C * dtype_bytes(w->act);
    output_logits(w, kv->a->logits, row, n);
}

/* How many texts go through the ops together. Within equal_rows the bits of a row do not depend on the number
 * of rows. */
static int group_size(const struct kv_cache *kv)
{
    int equal = kv->w->ops->equal_rows;
    return equal > 0 && equal < kv->slots ? equal : kv->slots;
}

/* Feeds a chunk of tokens; the last chunk gives the logits. */
static void extend_chunk(const struct weights *w, struct kv_cache *kv, const int32_t *tokens, int n,
                         bool wanted)
{
    upload_tokens(w, kv, tokens, n);
    forward_layers(w, kv->a, 1, n, false, kv);
    if (wanted)
        row_logits(w, kv, n - 1, 1);
    kv->len[kv->fed[0]] += n;
}

static uint64_t key_of(const struct weights *w, const struct kv_cache *kv)
{
    const uint64_t words[] = {(uintptr_t)w->theta,    (uintptr_t)w->work,  (uintptr_t)kv->base,
                              (uintptr_t)kv->a->base, (uint64_t)kv->T_max, (uint64_t)kv->reach};
    return replay_key(words, sizeof words / sizeof *words);
}

/* Feeds one token to the only slot, with ops equal to those of the token before, which a backend may have
 * recorded. */
static void extend_one(const struct weights *w, struct kv_cache *kv)
{
    kv->reach = FIRST_REACH;
    while (kv->reach <= kv->len[0])
        kv->reach *= 2;
    kv->reach = kv->reach < kv->T_max ? kv->reach : kv->T_max - 1;
    if (!w->ops->replay(w->dev, key_of(w, kv)))
        do {
            forward_layers(w, kv->a, 1, 1, false, kv);
            row_logits(w, kv, 0, 1);
        } while (!w->ops->recorded(w->dev));
}

/* Feeds a token to each of the slots in kv->fed; logits has a row for each of them. */
static void step_group(const struct weights *w, struct kv_cache *kv, const int32_t *tokens, float *logits)
{
    upload_tokens(w, kv, tokens, 1);
    if (kv->slots == 1) {
        extend_one(w, kv);
    } else {
        /* where they do, every step has equally many, some of them padding */
        int rows = w->ops->equal_rows > 0 ? kv->n_fed : kv->slots;
        forward_layers(w, kv->a, rows, 1, false, kv);
        row_logits(w, kv, 0, rows);
    }
    for (int b = 0; b < kv->n_fed; b++)
        kv->len[kv->fed[b]]++;
    if (logits)
        download_f32(w, logits, kv->a->logits, (size_t)kv->n_fed * (size_t)w->c.V);
}

void model_extend(const struct weights *w, struct kv_cache *kv, int slot, const int32_t *tokens, int n,
                  float *logits)
{
    assert(n > 0 && n <= kv->T_max - kv->len[slot]);
    int room = kv->T_max < KV_CHUNK ? kv->T_max : KV_CHUNK;
    kv->fed = &slot;
    kv->n_fed = 1;
    if (n == 1) {
        step_group(w, kv, tokens, logits);
        return;
    }
    for (int i = 0, take; i < n; i += take) {
        take = n - i < room ? n - i : room;
        extend_chunk(w, kv, tokens + i, take, logits && i + take == n);
    }
    if (logits)
        download_f32(w, logits, kv->a->logits, (size_t)w->c.V);
}

void model_chunk_logits(const struct weights *w, struct kv_cache *kv, int first, int n, float *logits)
{
    size_t V = (size_t)w->c.V;
    for (int i = 0, take; i < n; i += take) {
        take = n - i < group_size(kv) ? n - i : group_size(kv);
        row_logits(w, kv, first + i, take);
        download_f32(w, logits + (size_t)i * V, kv->a->logits, (size_t)take * V);
    }
}

void model_step(const struct weights *w, struct kv_cache *kv, int n, const int *slots, const int32_t *tokens,
                float *logits)
{
    int group = group_size(kv);
    for (int i = 0; i < n; i += kv->n_fed) {
        kv->fed = slots + i;
        kv->n_fed = n - i < group ? n - i : group;
        step_group(w, kv, tokens + i, logits + (size_t)i * (size_t)w->c.V);
    }
}
