/*
 * sequence.h - one text of the engine: what a new token does to it
 */
#ifndef SAMPLE_SEQUENCE_H
#define SAMPLE_SEQUENCE_H

#include "pipeline/sample/engine.h"
#include "pipeline/sample/slots.h"

/* Starts the output, with the prompt where it is echoed. */
void sequence_begin(struct sequence *s, const struct tokenizer *tok);
/* Notes prompt token `at`, which the logits (V) before it foretold; NULL: nothing did. */
void sequence_note_prompt(struct sequence *s, const float *logits, int V, int at);
/* Draws the next token. scratch: (V) floats. */
int32_t sequence_draw(const struct sequence *s, struct sampler *sampler, const float *logits, int V,
                      float *scratch);
/* How likely a drawn token was; touches nothing but out. */
void sequence_measure(const struct sequence *s, struct logprobs *out, const float *logits, int V, int32_t id);
/* Adds a drawn token to the text, under the engine's lock. Returns how that ends the text, if it does. */
enum finish sequence_add(struct sequence *s, const struct tokenizer *tok, const struct logprobs *l,
                         int32_t id);

#endif
