/*
 * swiglu.c - the gated unit of the feed-forward block: y = silu(gate) * up
 *
 *   s(z)    = 1 / (1 + e^-z)             s'(z) = s(z) * (1 - s(z))
 *   silu(z) = z * s(z)                   silu'(z) = s(z) * (1 + z * (1 - s(z)))
 *   dup     = dy * silu(gate)
 *   dgate   = dy * up * silu'(gate)
 *
 * Shapes   gate_up, dgate_up: (N,2F) act; a row holds F gates, then F ups. y, dy: (N,F) act.
 * Writes   y and dgate_up are overwritten.
 * Source   Shazeer 2020, arXiv:2002.05202
 */
#include <math.h>
#include "kernels/reference/element.h"
#include "kernels/reference/table.h"

static double sigmoid(double z)
{
    return 1 / (1 + exp(-z));
}

void reference_swiglu_forward(struct device *dev, void *y, const void *gate_up, int N, int F)
{
    for (size_t n = 0; n < (size_t)N; n++)
        for (size_t f = 0; f < (size_t)F; f++) {
            double gate = load(dev, gate_up, n * 2 * F + f), up = load(dev, gate_up, n * 2 * F + F + f);
            store(dev, y, n * F + f, gate * sigmoid(gate) * up);
        }
}

void reference_swiglu_backward(struct device *dev, void *dgate_up, const void *dy, const void *gate_up, int N,
                               int F)
{
    for (size_t n = 0; n < (size_t)N; n++)
        for (size_t f = 0; f < (size_t)F; f++) {
            double gate = load(dev, gate_up, n * 2 * F + f), up = load(dev, gate_up, n * 2 * F + F + f);
            double s = sigmoid(gate), d = load(dev, dy, n * F + f);
            store(dev, dgate_up, n * 2 * F + f, d * up * s * (1 + gate * (1 - s)));
            store(dev, dgate_up, n * 2 * F + F + f, d * gate * s);
        }
}
