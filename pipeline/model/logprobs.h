/*
 * logprobs.h - how likely tokens are by the model alone: the softmax of its logits, before temperature and
 * filters
 */
#ifndef MODEL_LOGPROBS_H
#define MODEL_LOGPROBS_H

#include <stdint.h>

enum { LOGPROBS_TOP = 20 }; /* the most alternatives of a token */

struct token_logprob {
    int32_t id;
    float logprob; /* nats */
};

/* A token of a text, and the likeliest tokens in its place, likeliest first. */
struct logprobs {
    struct token_logprob token, top[LOGPROBS_TOP];
    int n_top;
};

/* logits (V). n_top is at most LOGPROBS_TOP; fewer are found in a smaller vocabulary. */
void logprobs_compute(struct logprobs *out, const float *logits, int V, int32_t id, int n_top);

#endif
