#include "pipeline/sample/continuation.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <stdlib.h>
#include <string.h>

static void append(struct continuation *c, int32_t id)
{
    if (c->n == c->room) {
        c->room = c->room ? 2 * c->room : 256;
        c->ids = xrealloc(c->ids, c->room * sizeof *c->ids);
    }
    c->ids[c->n++] = id;
}

static void encode_prompt(struct continuation *c, const char *s, size_t len, bool document)
{
    size_t n;
    struct encoder *e = encoder_new(c->m->tok, NULL);
    const uint32_t *ids = encode(e, s, len, true, &n);
    uint32_t eos = tokenizer_eos(c->m->tok);
    if (n == 0 || document) {
        if (eos == UINT32_MAX)
            die("%s: no end-of-text token to begin a document with: give a prompt", c->m->tokenizer_path);
        append(c, (int32_t)eos);
    }
    for (size_t i = 0; i < n; i++)
        append(c, (int32_t)ids[i]);
    encoder_free(e);
    c->n_prompt = c->n;
}

/* Feeds ids[from..n) into the cache. When it cannot hold them, it begins anew with the last half context of
 * ids. */
static void feed(struct continuation *c, size_t from)
{
    size_t T = (size_t)c->m->w.c.T, used = (size_t)kv_cache_len(c->kv);
    if (c->n - from > T - used) {
        size_t keep = T > 1 ? T / 2 : 1;
        if (!c->warned && c->n == c->n_prompt)
            warn("the prompt has %zu tokens, the context is %zu: only the last %zu are read", c->n, T, keep);
        else if (c->read)
            detail("the context of %zu tokens is full: going on from the last %zu", T, keep);
        c->warned = true;
        c->read = false;
        kv_cache_truncate(c->kv, 0);
        from = c->n - keep;
    }
    model_extend(&c->m->w, c->kv, c->ids + from, (int)(c->n - from), c->logits);
    loaded_check(c->m);
}

const char *continuation_run(struct continuation *c, struct sampler *s, struct textout *out,
                             uint64_t max_tokens, bool ignore_eos)
{
    uint32_t eos = tokenizer_eos(c->m->tok);
    while (!stop_signal) {
        if (max_tokens && c->n - c->n_prompt >= max_tokens)
            return "length";
        int32_t id = sampler_next(s, c->logits, c->ids, c->n);
        if ((uint32_t)id == eos && !ignore_eos)
            return "eos";
        append(c, id);
        size_t len = 0;
        const char *bytes = tokenizer_bytes(c->m->tok, (uint32_t)id, &len);
        if (bytes && !tokenizer_is_special(c->m->tok, (uint32_t)id) && textout_add(out, bytes, len))
            return "stop";
        if (max_tokens && c->n - c->n_prompt >= max_tokens)
            return "length";
        feed(c, c->n - 1);
    }
    return "signal";
}

void continuation_begin(struct continuation *c, const struct loaded *m, const char *prompt, size_t len,
                        bool document)
{
    char err[256];
    *c = (struct continuation){.m = m};
    encode_prompt(c, prompt, len, document);
    c->kv = kv_cache_alloc(&m->w, m->w.c.T, err, sizeof err);
    if (!c->kv)
        die("%s: %s", m->dir, err);
    c->logits = xcalloc((size_t)m->w.c.V, sizeof *c->logits);
    c->first = xcalloc((size_t)m->w.c.V, sizeof *c->first);
}

void continuation_start(struct continuation *c)
{
    size_t bytes = (size_t)c->m->w.c.V * sizeof *c->first;
    c->n = c->n_prompt;
    if (c->read) {
        kv_cache_truncate(c->kv, (int)c->n_prompt);
        memcpy(c->logits, c->first, bytes);
        return;
    }
    kv_cache_truncate(c->kv, 0);
    c->read = true; /* unless feed finds that the prompt is too long */
    feed(c, 0);
    memcpy(c->first, c->logits, bytes);
}

void continuation_end(struct continuation *c)
{
    kv_cache_free(c->kv);
    free(c->ids);
    free(c->logits);
    free(c->first);
}
