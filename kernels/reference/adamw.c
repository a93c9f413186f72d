/*
 * adamw.c - one step of the optimizer AdamW: every weight moves against its gradient
 *
 *   g'    = grad_scale * g                    clipping: grad_scale < 1 when the gradient is too long
 *   m     = beta1 m + (1 - beta1) g'          mean of the last gradients
 *   v     = beta2 v + (1 - beta2) g'^2        mean of their squares
 *   theta -= lr * ((m / bias1) / (sqrt(v / bias2) + eps) + weight_decay * theta)
 *
 * m and v start at 0; dividing them by bias1 = 1 - beta1^t and bias2 = 1 - beta2^t at step t makes up for it.
 *
 * Shapes   theta, m, v, g: (n) f32. work: (n) act, the copy of the weights that the model computes with; in
 *          f32 it is theta itself. It may be NULL.
 * Source   Loshchilov & Hutter 2019, arXiv:1711.05101
 */
#include <math.h>
#include "kernels/reference/element.h"
#include "kernels/reference/table.h"

/* Changes m and v; returns the new theta. */
static double update(double theta, double *m, double *v, double g, const struct adamw *a)
{
    g *= a->grad_scale;
    *m = a->beta1 * *m + (1 - a->beta1) * g;
    *v = a->beta2 * *v + (1 - a->beta2) * g * g;
    return theta - a->lr * (*m / a->bias1 / (sqrt(*v / a->bias2) + a->eps) + a->weight_decay * theta);
}

void reference_adamw_step(struct device *dev, float *theta, void *work, float *m, float *v, const float *g,
                          size_t n, struct adamw a)
{
    for (size_t i = 0; i < n; i++) {
        double mean = m[i], square = v[i];
        theta[i] = (float)update(theta[i], &mean, &square, g[i], &a);
        m[i] = (float)mean;
        v[i] = (float)square;
        if (work)
            store(dev, work, i, theta[i]);
    }
}

/* SplitMix64's hash, Steele et al. 2014: 64 bits that look random, from any 64. */
static uint64_t hash(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Stochastic rounding: 16 random bits are added to the 16 that bf16 cuts off, so that a carry rounds up with
 * the probability of what is cut off, and the mean over many steps is exact. Otherwise a change smaller than
 * half a step of bf16 would always be lost. Infinities and NaNs stay what they are. */
static uint16_t round_stochastically(double value, uint64_t random)
{
    float narrow = (float)value;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    if (isfinite(narrow))
        bits += (uint32_t)random & 0xffff;
    else if (isnan(narrow))
        bits |= 0x10000;
    return (uint16_t)(bits >> 16);
}

/* The state in bf16. theta NULL: the weights are in work alone, bf16 and rounded stochastically as well. */
void reference_adamw_step_bf16(struct device *dev, float *theta, void *work, uint16_t *m, uint16_t *v,
                               const float *g, size_t n, struct adamw a, uint64_t seed, uint64_t index)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t random = hash(hash(seed) + (index + i) * 0x9e3779b97f4a7c15u);
        double mean = bf16_to_float(m[i]), square = bf16_to_float(v[i]);
        double next = update(theta ? theta[i] : load(dev, work, i), &mean, &square, g[i], &a);
        m[i] = round_stochastically(mean, random);
        v[i] = round_stochastically(square, random >> 16);
        if (!theta)
            ((uint16_t *)work)[i] = round_stochastically(next, random >> 32);
        else
            theta[i] = (float)next;
        if (theta && work)
            store(dev, work, i, theta[i]);
    }
}
