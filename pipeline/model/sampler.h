/*
 * sampler.h - from logits to the next token
 *
 * The filters act in this order, each on the renormalised result of the one before:
 *   1. repetition penalty: logits of tokens in the history are divided by it when positive, multiplied
 * otherwise (Keskar et al. 2019, arXiv:1909.05858)
 *   2. temperature: logits are divided by it; 0 takes the largest, the lower id among equals
 *   3. top-k: the k most likely
 *   4. top-p: the fewest tokens, likeliest first, whose probabilities reach p (Holtzman et al. 2019,
 * arXiv:1904.09751)
 *   5. min-p: the tokens at least min_p times as likely as the likeliest (Nguyen et al. 2024,
 * arXiv:2407.01082) At least one token always remains. Equal seeds and logits give equal tokens.
 */
#ifndef MODEL_SAMPLER_H
#define MODEL_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

struct sampling {
    double temperature;        /* 0: greedy */
    int top_k;                 /* 0: off */
    double top_p;              /* 1: off */
    double min_p;              /* 0: off */
    double repetition_penalty; /* 1: off */
};

struct candidate {
    float logit;
    int32_t id;
    double p;
};

struct sampler;

struct sampler *sampler_new(int V, const struct sampling *s, uint64_t seed); /* NULL: no memory */
void sampler_free(struct sampler *s);
void sampler_set(struct sampler *s, const struct sampling *o); /* from the next draw on */
/* Starts the sequence of draws that belongs to seed. */
void sampler_reseed(struct sampler *s, uint64_t seed);
/* Returns the distribution after all filters: *n candidates whose p sum to 1; valid until the next call. */
const struct candidate *sampler_distribution(struct sampler *s, const float *logits, const int32_t *history,
                                             size_t n_history, size_t *n);
int32_t sampler_next(struct sampler *s, const float *logits, const int32_t *history, size_t n_history);

#endif
