/*
 * windows.h - the loss of a source, each token but the first predicted once
 *
 * Windows of T tokens overlap: each but the first predicts `stride` new tokens, seeing at least T - stride
 * before them. So the context of a token is T - stride to T tokens long, except at the beginning.
 */
#ifndef EVAL_WINDOWS_H
#define EVAL_WINDOWS_H

#include "formats/shard.h"
#include "pipeline/model/loaded.h"
#include "pipeline/eval/tally.h"
#include "pipeline/eval/tokens.h"

struct window_plan {
    int T, stride;             /* 1 <= stride <= T <= the model's context */
    uint64_t limit;            /* tokens to predict, in stretches spread evenly over the source; 0: all */
    int stretch;               /* tokens of one, at most (with a limit); 0: EVAL_STRETCH */
    bool document_mask;        /* attention does not cross the end of a document */
    struct token_sink *tokens; /* takes the loss of each token; NULL: none does */
};

/* Adds every document to t; one that a stretch or the source's end cuts counts as far as it was predicted.
 * dir: for messages. Returns early when stop_signal is set (look at it). Dies when the source is damaged, too
 * short, or of another tokenizer. */
void windows_run(const struct loaded *m, struct shard_set *s, const char *dir, const struct window_plan *plan,
                 struct tally *t);
enum {
    EVAL_BATCH_TOKENS =
        4096, /* a micro-batch holds about as many: enough for the products' speed, little memory */
    EVAL_STRETCH = 4096,
};

#endif
