/*
 * swiglu.c - the gated unit: y = silu(gate) * up
 *
 *   s = 1 / (1 + e^-gate)
 *   dup   = dy * gate * s
 *   dgate = dy * up * s * (1 + gate * (1 - s))
 *
 * Numerics in f32, one rounding at the store; e^x by vexp.
 * Source   Shazeer 2020, arXiv:2002.05202
 */
#include "kernels/cpu/device.h"
#include "kernels/cpu/table.h"
#include "kernels/vec.h"

INLINE vf sigmoid(vf x)
{
    return 1.0f / (1.0f + vexp(-x));
}

INLINE void forward(struct device *dev, void *y, const void *gate_up, int N, int F, enum dtype t)
{
#pragma omp parallel for num_threads(dev->threads) schedule(static)
    for (int n = 0; n < N; n++) {
        size_t out = (size_t)n * F, in = 2 * out;
        for (int c = 0; c < F; c += VL) {
            vf gate = vget(gate_up, in + c, F - c, t), up = vget(gate_up, in + F + c, F - c, t);
            vput(y, out + c, F - c, gate * sigmoid(gate) * up, t);
        }
    }
}

void swiglu_forward(struct device *dev, void *y, const void *gate_up, int N, int F)
{
    FOR_ACT(dev, forward, dev, y, gate_up, N, F);
}

INLINE void backward(struct device *dev, void *dgate_up, const void *dy, const void *gate_up, int N, int F,
                     enum dtype t)
{
#pragma omp parallel for num_threads(dev->threads) schedule(static)
    for (int n = 0; n < N; n++) {
        size_t out = (size_t)n * F, in = 2 * out;
        for (int c = 0; c < F; c += VL) {
            vf gate = vget(gate_up, in + c, F - c, t), up = vget(gate_up, in + F + c, F - c, t);
            vf d = vget(dy, out + c, F - c, t), s = sigmoid(gate);
            vput(dgate_up, in + c, F - c, d * up * s * (1.0f + gate * (1.0f - s)), t);
            vput(dgate_up, in + F + c, F - c, d * gate * s, t);
        }
    }
}

void swiglu_backward(struct device *dev, void *dgate_up, const void *dy, const void *gate_up, int N, int F)
{
    FOR_ACT(dev, backward, dev, dgate_up, dy, gate_up, N, F);
}
