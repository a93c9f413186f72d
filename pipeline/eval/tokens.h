/*
 * tokens.h - the loss of each token, as JSON lines or as a page that colours a text by surprise
 *
 *   sink = token_sink_open("out.html")
 *   token_sink_source(sink, "language", tok)       the tokens that follow are of this source
 *   token_sink_add(sink, id, loss)                 in the order of the text
 *   token_sink_gap(sink)                           a document ends, or a stretch does
 *   token_sink_close(sink)
 */
#ifndef EVAL_TOKENS_H
#define EVAL_TOKENS_H

#include "pipeline/text/vocabulary/tokenizer.h"

#include <stdbool.h>

struct token_sink;

/* A path that ends in .html gives a page, any other JSON lines: {"data", "document", "token", "text",
 * "loss"}. The file appears whole. Dies naming it when it cannot be written. */
struct token_sink *token_sink_open(const char *path);
void token_sink_source(struct token_sink *s, const char *name, const struct tokenizer *tok);
void token_sink_add(struct token_sink *s, int32_t id, double loss);
void token_sink_gap(struct token_sink *s);
/* whole: the file appears; otherwise nothing does. */
void token_sink_close(struct token_sink *s, bool whole);

#endif
