/*
 * random.h - SplitMix64: numbers that follow from a state of 8 bytes, or from a key and a counter
 * Source: Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators"
 */
#ifndef LIB_RANDOM_H
#define LIB_RANDOM_H

#include <math.h>
#include <stdint.h>

#define RANDOM_GAMMA 0x9e3779b97f4a7c15u /* the increment of the state */

/* The output function: a bijection of 64 bits that mixes well. */
static inline uint64_t mix64(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline uint64_t random_next(uint64_t *state)
{
    return mix64(*state += RANDOM_GAMMA);
}

static inline double random_uniform(uint64_t *state) /* (0, 1) */
{
    return ((double)(random_next(state) >> 11) + 0.5) * 0x1p-53;
}

static inline double random_normal(uint64_t *state) /* N(0, 1), Box & Muller 1958; takes two numbers */
{
    double r = sqrt(-2 * log(random_uniform(state)));
    return r * cos(2 * M_PI * random_uniform(state));
}

#endif
