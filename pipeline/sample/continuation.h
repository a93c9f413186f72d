/*
 * continuation.h - one text that a model goes on with: the tokens so far, and the cache of some tail of them
 *
 *   continuation_begin(&c, m, prompt, len, document)
 *   continuation_start(&c)                             the prompt is read; again for another text from the
 * same prompt why = continuation_run(&c, sampler, &out, ...) continuation_end(&c)
 *
 * These calls die() without memory, or when the device has failed.
 */
#ifndef SAMPLE_CONTINUATION_H
#define SAMPLE_CONTINUATION_H

#include "pipeline/model/loaded.h"
#include "pipeline/model/sampler.h"
#include "pipeline/sample/textout.h"

struct continuation {
    const struct loaded *m;
    struct kv_cache *kv; /* owned */
    int32_t *ids;        /* owned: prompt, then new tokens */
    size_t n, n_prompt, room;
    float *logits; /* (V) owned: logits of the token after ids */
    float *first;  /* (V) owned: logits of the token after the prompt */
    bool read;     /* first and the beginning of the cache belong to the prompt */
    bool warned;
};

/* document: the text begins a document, as it does when the prompt is empty. */
void continuation_begin(struct continuation *c, const struct loaded *m, const char *prompt, size_t len,
                        bool document);
/* Returns to the end of the prompt, which is computed only once unless the context overflows. */
void continuation_start(struct continuation *c);
/* Generates tokens until something stops it: "length" (max_tokens, 0: no limit), "eos", "stop" or "signal".
 */
const char *continuation_run(struct continuation *c, struct sampler *s, struct textout *out,
                             uint64_t max_tokens, bool ignore_eos);
void continuation_end(struct continuation *c);

#endif
