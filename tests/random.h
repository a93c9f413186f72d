/*
 * random.h - random numbers for the tests: SplitMix64, equal for equal seeds on every machine
 */
#ifndef TESTS_RANDOM_H
#define TESTS_RANDOM_H

#include <stdint.h>

static inline uint64_t mix64(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline uint64_t random_next(uint64_t *state)
{
    return mix64(*state += 0x9e3779b97f4a7c15u);
}

static inline double random_uniform(uint64_t *state) /* -1 .. 1 */
{
    return (double)(random_next(state) >> 11) * 0x1p-52 - 1;
}

#endif
