#include "pipeline/train/hybrid/rssm/rng.h"

#include "pipeline/lib/random.h"

#include <math.h>

uint64_t rng_hash(uint64_t seed, uint64_t n)
{
    return mix64(mix64(seed) + (n + 1) * RANDOM_GAMMA);
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
