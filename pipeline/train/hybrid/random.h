/*
 * random.h - splitmix64: all randomness of the engine's decisions, 8 bytes of state
 * Source: Steele et al. 2014, "Fast splittable pseudorandom number generators"
 */
#ifndef HYBRID_RANDOM_H
#define HYBRID_RANDOM_H

#include <math.h>
#include <stdint.h>

static inline uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline double random_uniform(uint64_t *state)        /* (0, 1) */
{
    return ((double)(random_next(state) >> 11) + 0.5) * 0x1p-53;
}

static inline double random_normal(uint64_t *state)
{
    double r = sqrt(-2 * log(random_uniform(state)));
    return r * cos(2 * M_PI * random_uniform(state));
}

#endif
