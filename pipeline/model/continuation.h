/*
 * continuation.h - one text that a model goes on with: the tokens so far, and the cache of some tail of them
 *
 *   continuation_open(&c, w, tok, most)
 *   continuation_prompt(&c, text, len, document)
 *   id = continuation_next(&c, sampler)              the next token, drawn but not yet part of the text
 *   continuation_append(&c, id)
 *   continuation_rewind(&c)                          another text from the same prompt
 *   continuation_close(&c)
 *
 * When the text outgrows that memory, or the model's context, the model goes on from the last half of it.
 * These calls die() without memory, or when the device has failed.
 */
#ifndef MODEL_CONTINUATION_H
#define MODEL_CONTINUATION_H

#include "pipeline/model/sampler.h"
#include "pipeline/model/transformer.h"
#include "pipeline/text/vocabulary/tokenizer.h"

struct continuation {
    const struct weights *w;     /* borrowed */
    const struct tokenizer *tok; /* borrowed */
    struct kv_cache *kv;         /* owned */
    int32_t *ids;                /* owned: prompt, then new tokens */
    size_t n, n_prompt, room;
    size_t fed;    /* ids[0..fed) have been read by the model */
    float *logits; /* (V) owned: logits of the token after ids[0..fed) */
    float *first;  /* (V) owned: logits of the token after the prompt */
    bool special; /* prompts begin with the ids that the tokenizer's post-processor puts there; false at first
                   */
    bool whole;   /* first is there, and the cache begins with the whole prompt */
};

/* most: tokens that the text will have at most, for which alone there is memory; 0, or more than the model's
 * context: the context. */
void continuation_open(struct continuation *c, const struct weights *w, const struct tokenizer *tok,
                       uint64_t most);
/* Returns the ids that belong before a prompt of n ids, malloc'd: the end of another text, when it begins a
 * document or is empty; or, when `special`, those that the post-processor names, unless the prompt begins
 * with them already. */
uint32_t *prompt_begin(const struct tokenizer *tok, const uint32_t *ids, size_t n, bool special,
                       bool document, size_t *n_before);
/* The most tokens that a prompt of len bytes and n more tokens can have; 0: there is no limit. */
uint64_t continuation_most(size_t len, uint64_t n);
/* Begins anew with a prompt, in which the names of special tokens become these tokens. document: the
 * end-of-text token comes before it, if there is one. Returns false when the prompt is empty, and no
 * end-of-text token can begin a document. */
bool continuation_prompt(struct continuation *c, const char *text, size_t len, bool document);
/* Returns to the end of the prompt, which is computed only once unless the context overflowed. */
void continuation_rewind(struct continuation *c);
/* The logits of the token after the text. */
const float *continuation_logits(struct continuation *c);
int32_t continuation_next(struct continuation *c, struct sampler *s);
void continuation_append(struct continuation *c, int32_t id);
void continuation_close(struct continuation *c);

#endif
