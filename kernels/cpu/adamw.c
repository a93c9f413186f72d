/*
 * adamw.c - one AdamW step, everything in one pass over memory
 *
 *   g' = grad_scale * g
 *   m  = beta1 m + (1 - beta1) g'          v = beta2 v + (1 - beta2) g'^2
 *   theta -= lr * (m / bias1 / (sqrt(v / bias2) + eps) + weight_decay * theta)
 *   work = theta
 *
 * Cost     per weight 16 bytes read, 12 + 2 written: bound by memory.
 * Source   Loshchilov & Hutter 2019, arXiv:1711.05101
 */
#include "kernels/cpu/device.h"
#include "kernels/cpu/table.h"
#include "kernels/cpu/vec.h"

enum { CHUNK = 1 << 13 };

INLINE void update(float *theta, void *work, float *m, float *v, const float *g, size_t at, size_t end,
                   struct adamw a, enum dtype t)
{
    float rate = a.lr / a.bias1, inverse2 = 1.0f / a.bias2, decay = a.lr * a.weight_decay;
    for (size_t i = at; i < end; i += VL) {
        size_t left = end - i;
        vf grad = vget(g, i, left, DTYPE_F32) * a.grad_scale;
        vf mean = vget(m, i, left, DTYPE_F32), square = vget(v, i, left, DTYPE_F32);
        vf w = vget(theta, i, left, DTYPE_F32);
        mean = mean * a.beta1 + grad * (1.0f - a.beta1);
        square = square * a.beta2 + grad * grad * (1.0f - a.beta2);
        w = w - (mean * rate / (vsqrt(square * inverse2) + a.eps) + w * decay);
        vput(m, i, left, mean, DTYPE_F32);
        vput(v, i, left, square, DTYPE_F32);
        vput(theta, i, left, w, DTYPE_F32);
        if (work)
            vput(work, i, left, w, t);
    }
}

INLINE void step(struct device *dev, float *theta, void *work, float *m, float *v, const float *g, size_t n,
                 struct adamw a, enum dtype t)
{
#pragma omp parallel for num_threads(dev->threads) schedule(static) if (n > CHUNK)
    for (size_t at = 0; at < n; at += CHUNK)
        update(theta, work, m, v, g, at, n - at > CHUNK ? at + CHUNK : n, a, t);
}

void adamw_step(struct device *dev, float *theta, void *work, float *m, float *v, const float *g, size_t n,
                struct adamw a)
{
    if (work == theta)
        work = NULL;
    FOR_ACT(dev, step, dev, theta, work, m, v, g, n, a);
}
