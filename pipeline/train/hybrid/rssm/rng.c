#include "pipeline/train/hybrid/rssm/rng.h"

#include <math.h>

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t rng_hash(uint64_t seed, uint64_t n)
{
    return mix(mix(seed) + (n + 1) * 0x9e3779b97f4a7c15u);
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
    return rng_hash(r->seed, r->counter++) % n;
}

float rng_normal(struct rng *r)
{
    uint64_t bits = rng_hash(r->seed, r->counter++);
    double u = ((double)(bits >> 32) + 0.5) * 0x1p-32, v = (double)(bits & 0xffffffffu) * 0x1p-32;
    return (float)(sqrt(-2 * log(u)) * cos(2 * M_PI * v));
}
