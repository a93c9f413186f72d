/*
 * requests.h - a choice as a row of tokens, and its log-probability
 */
#ifndef EVAL_REQUESTS_H
#define EVAL_REQUESTS_H

#include "pipeline/model/loaded.h"

struct request {
    int32_t *tokens; /* owned: context and choice */
    int n, begin;    /* tokens; the first that belongs to the choice (>= 1: it has a token before it) */
    double *score;   /* receives the sum of log-probabilities */
    bool *greedy;    /* receives whether each token was the likeliest; NULL: not asked */
};

/* Both return early when stop_signal is set. T: tokens that the model sees at once, n <= T + 1 in each row.
 */

/* Rows of like length go through the model together; sorts the requests. greedy is not computed. */
void requests_run_batched(const struct loaded *m, struct request *r, size_t n, int T);
/* One row after the other over a cache; the tokens that a row begins with like the one before it are computed
 * once. */
void requests_run_cached(const struct loaded *m, struct request *r, size_t n, int T);
/* The tokens that requests_run_cached computes. */
uint64_t requests_cached_tokens(const struct request *r, size_t n);

#endif
