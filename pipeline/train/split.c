#include "pipeline/train/split.h"

#include <math.h>

/* Measured on 1.3M weights at 1.6M tokens of text: in parts of 2,048 tokens the loss ended at 5.13, of 512
 * at 5.01 (docs/results/small-batches.md). */
static const double SPLIT_GROWTH = 0.5;
static const double least_work = 4; /* of a part, in updates: they then take at most a fifth of the time */

/* The most parts, not above `wanted`, that have equally many rows. */
static uint64_t divisor(uint64_t rows, double wanted)
{
    uint64_t k = wanted >= (double)rows ? rows : wanted < 1 ? 1 : (uint64_t)wanted;
    while (rows % k != 0)
        k--;
    return k;
}

uint64_t split_parts(const struct split *s, uint64_t tokens_seen)
{
    if (s->fixed > 0)
        return divisor(s->rows, (double)s->fixed);
    double part = SPLIT_GROWTH * sqrt((double)tokens_seen);
    part = fmax(part, fmax(s->least_tokens, least_work * s->update_tokens));
    return divisor(s->rows, (double)s->rows * (double)s->row_tokens / part);
}
