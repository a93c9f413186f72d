/*
 * rng.h - random numbers as a function of (seed, counter), so that two integers are the whole state
 *
 * The mixer is the finaliser of SplitMix64 (Steele et al. 2014), applied to the counter keyed by the seed.
 */
#ifndef RSSM_RNG_H
#define RSSM_RNG_H

#include <stdint.h>

struct rng {
    uint64_t seed, counter;
};

uint64_t rng_hash(uint64_t seed, uint64_t n);  /* the n-th number of a seed, 64 bits */
uint64_t rng_below(struct rng *r, uint64_t n); /* 0 .. n-1; n far below 2^64, so that the bias is nothing */
float rng_normal(struct rng *r);               /* N(0,1), Box and Muller 1958; one counter a number */

#endif
