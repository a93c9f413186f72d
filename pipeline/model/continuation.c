#include "pipeline/model/continuation.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <stdlib.h>
#include <string.h>

void continuation_open(struct continuation *c, const struct weights *w, const struct tokenizer *tok)
{
    char err[512];
    *c = (struct continuation){.w = w, .tok = tok};
    c->kv = kv_cache_alloc(w, 1, w->c.T, err, sizeof err);
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

bool continuation_prompt(struct continuation *c, const char *text, size_t len, bool document)
{
    size_t n;
    struct encoder *e = encoder_new(c->tok, NULL);
    const uint32_t *ids = encode(e, text, len, true, &n);
    uint32_t eos = tokenizer_eos(c->tok);
    c->n = c->fed = 0;
    c->whole = false;
    kv_cache_truncate(c->kv, 0, 0);
    if ((n == 0 || document) && eos != UINT32_MAX)
        continuation_append(c, (int32_t)eos);
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
    size_t T = (size_t)c->w->c.T, used = (size_t)kv_cache_len(c->kv, 0);
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
