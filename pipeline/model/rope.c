/*
 * rope.c - the frequencies of the rotary embedding, Su et al. 2021, arXiv:2104.09864
 */
#include "pipeline/model/config.h"

#include <math.h>

/* w_i = theta^(-2i/D). It is rounded to f32 as Transformers rounds it: at position 2048 that rounding is 1e-4
 * of an angle, more than all other errors together. */
static float plain_frequency(const struct model_config *c, int i)
{
    return (float)(1.0 / pow(c->rope_theta, (double)(2 * i) / (double)c->D));
}

float model_rope_divisor(const struct model_config *c, int i)
{
    const struct rope_scaling *s = &c->rope;
    if (s->kind == ROPE_PLAIN)
        return 1;
    if (s->kind == ROPE_LINEAR)
        return (float)s->factor;
    double turns = s->original * (double)plain_frequency(c, i) / (2 * M_PI); /* in the original context */
    double kept = fmin(1, fmax(0, (turns - s->low) / (s->high - s->low)));
    return (float)(1 / ((1 - kept) / s->factor + kept));
}

float model_rope_frequency(const struct model_config *c, int i)
{
    return plain_frequency(c, i) / model_rope_divisor(c, i);
}
