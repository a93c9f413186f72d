/*
 * mersenne.h - the numbers of Python's random.Random(seed), so that examples are drawn as
 * lm-evaluation-harness draws them Source: Matsumoto & Nishimura 1998, "Mersenne Twister"; MT19937, seeded by
 * an array
 */
#ifndef EVAL_MERSENNE_H
#define EVAL_MERSENNE_H

#include <stddef.h>
#include <stdint.h>

struct mersenne {
    uint32_t state[624];
    int at;
};

void mersenne_seed(struct mersenne *m, uint64_t seed);
/* k different numbers below n (k <= n), as random.sample(range(n), k) of Python 3.11 and later gives them. */
void mersenne_sample(struct mersenne *m, size_t n, size_t k, size_t *out);
/* Puts n numbers in the order that random.shuffle gives them. */
void mersenne_shuffle(struct mersenne *m, size_t *v, size_t n);

#endif
