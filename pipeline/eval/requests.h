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

/* How to compute scores; the scores differ by rounding alone. */
enum scoring_way {
    SCORE_AUTO,    /* what takes less time, by the number of tokens */
    SCORE_BATCHED, /* each choice with its context is a row of a batch */
    SCORE_CACHED,  /* one row after the other; what a row shares with the one before it, is not computed again
                    */
};

/* Fills in every score. Rows in batches are sorted, and their `greedy` is not computed. Returns early when
 * stop_signal is set. T: tokens that the model sees at once, n <= T + 1 in each row. */
void requests_run(const struct loaded *m, struct request *r, size_t n, int T, enum scoring_way way);

#endif
