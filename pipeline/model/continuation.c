#include "pipeline/model/continuation.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <stdlib.h>
#include <string.h>

/* A token stands for at least one byte, but normal forms make up to 11 bytes out of one (U+FDFA in NFKC). */
uint64_t continuation_most(size_t len, uint64_t n)
{
    uint64_t most;
    if (n == 0 || __builtin_mul_overflow((uint64_t)len + 1, 16, &most) ||
        __builtin_add_overflow(most, n, &most))
        return 0;
    return most;
}

void continuation_open(struct continuation *c, const struct weights *w, const struct tokenizer *tok,
                       uint64_t most)
{
    char err[512];
    int T = most > 0 && most < (uint64_t)w->c.T ? (int)most : w->c.T;
    *c = (struct continuation){.w = w, .tok = tok};
    c->kv = kv_cache_alloc(w, 1, T, err, sizeof err);
    if (!c->kv)
        die("%s", err);
    c->logits = xcalloc((size_t)w->c.V, sizeof *c->logits);
    c->first = xcalloc((size_t)w->c.V, sizeof *c->first);
}

void continuation_close(struct continuation *c)
{
    kv_cache_free(c->kv);
    free(c->ids);
    free(c->logits);
    free(c->first);
}

void continuation_append(struct continuation *c, int32_t id)
{
    if (c->n == c->room) {
        c->room = c->room ? 2 * c->room : 256;
        c->ids = xrealloc(c->ids, c->room * sizeof *c->ids);
    }
    c->ids[c->n++] = id;
}

uint32_t *prompt_begin(const struct tokenizer *tok, const uint32_t *ids, size_t n, bool special,
                       bool document, size_t *n_before)
{
    const uint32_t *around[2];
    size_t n_around[2] = {0};
    uint32_t eos = tokenizer_eos(tok);
    if (special && tokenizer_around(tok, &around[0], &n_around[0], &around[1], &n_around[1]) != NULL)
        n_around[0] = 0;
    uint32_t *before = xcalloc(n_around[0] + 1, sizeof *before);
    *n_before = 0;
    if (document || (n == 0 && n_around[0] == 0)) {
        before[0] = eos;
        *n_before = eos != UINT32_MAX;
    } else if (n_around[0] > 0 && (n == 0 || ids[0] != around[0][0])) {
        memcpy(before, around[0], n_around[0] * sizeof *before);
        *n_before = n_around[0];
    }
    return before;
}

bool continuation_prompt(struct continuation *c, const char *text, size_t len, bool document)
{
    size_t n, n_before;
    struct encoder *e = encoder_new(c->tok, NULL);
    const uint32_t *ids = encode(e, text, len, true, &n);
    c->n = c->fed = 0;
    c->whole = false;
    kv_cache_truncate(c->kv, 0, 0);
    uint32_t *before = prompt_begin(c->tok, ids, n, c->special, document, &n_before);
    for (size_t i = 0; i < n_before; i++)
        continuation_append(c, (int32_t)before[i]);
    free(before);
    for (size_t i = 0; i < n; i++)
        continuation_append(c, (int32_t)ids[i]);
    encoder_free(e);
    c->n_prompt = c->n;
    return c->n > 0;
}

/* Makes the model read all ids. When the cache cannot hold them, it begins anew with the last half context of
 * ids. */
static void feed(struct continuation *c)
{
    size_t T = (size_t)kv_cache_room(c->kv), used = (size_t)kv_cache_len(c->kv, 0);
    if (c->n - c->fed > T - used) {
        size_t keep = T > 1 ? T / 2 : 1;
        detail("the context of %zu tokens is full: going on from the last %zu", T, keep);
        c->whole = false;
        kv_cache_truncate(c->kv, 0, 0);
        c->fed = c->n - keep;
    }
    model_extend(c->w, c->kv, 0, c->ids + c->fed, (int)(c->n - c->fed), c->logits);
    c->fed = c->n;
    const char *failed = c->w->ops->error(c->w->dev);
    if (failed)
        die("%s: %s", c->w->ops->name, failed);
    if (c->n == c->n_prompt && (size_t)kv_cache_len(c->kv, 0) == c->n) {
        c->whole = true;
        memcpy(c->first, c->logits, (size_t)c->w->c.V * sizeof *c->first);
    }
}

const float *continuation_logits(struct continuation *c)
{
    if (c->fed < c->n)
        feed(c);
    return c->logits;
}

int32_t continuation_next(struct continuation *c, struct sampler *s)
{
    return sampler_next(s, continuation_logits(c), c->ids, c->n);
}

void continuation_rewind(struct continuation *c)
{
    c->n = c->n_prompt;
    c->fed = c->whole ? c->n : 0;
    kv_cache_truncate(c->kv, 0, (int)c->fed);
    if (c->whole)
        memcpy(c->logits, c->first, (size_t)c->w->c.V * sizeof *c->first);
}
