/*
 * adamw.c - one AdamW step, everything in one pass over memory
 *
 *   g' = grad_scale * g
 *   m  = beta1 m + (1 - beta1) g'          v = beta2 v + (1 - beta2) g'^2
 *   theta -= lr * (m / bias1 / (sqrt(v / bias2) + eps) + weight_decay * theta)
 *   work = theta
 *
 * bf16 state: 16 random bits are added to those that bf16 cuts off, so the mean of the results is the f32
 * value. The bits are a hash of (seed, index of the element): no state, the same in every run and for every
 * number of threads.
 *
 * Cost     per weight 16 bytes read, 12 + 2 written: bound by memory.
 * Source   Loshchilov & Hutter 2019, arXiv:1711.05101; the hash: Steele et al. 2014 (SplitMix64)
 */
#include "kernels/cpu/device.h"
#include "kernels/cpu/table.h"
#include "kernels/vec.h"

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
            vput_weights(work, i, left, w, t);
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

static uint64_t hash(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Infinities and NaNs keep their value. */
static uint16_t stochastic(float x, uint64_t random)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    if ((u & 0x7f800000u) != 0x7f800000u)
        u += (uint32_t)random & 0xffff;
    else if (u & 0xffff)
        u |= 0x10000;
    return (uint16_t)(u >> 16);
}

void adamw_step_bf16(struct device *dev, float *theta, void *work, uint16_t *m, uint16_t *v, const float *g,
                     size_t n, struct adamw a, uint64_t seed, uint64_t index)
{
    float rate = a.lr / a.bias1, inverse2 = 1.0f / a.bias2, decay = a.lr * a.weight_decay;
    uint64_t start = hash(seed);
    uint16_t *narrow = work == theta || dev->act == DTYPE_F32 ? NULL : work;
    float *full = work == theta || dev->act == DTYPE_BF16 ? NULL : work;
    assert(theta || narrow);
#pragma omp parallel for num_threads(dev->threads) schedule(static) if (n > CHUNK)
    for (size_t i = 0; i < n; i++) {
        uint64_t random = hash(start + (index + i) * 0x9e3779b97f4a7c15u);
        float grad = g[i] * a.grad_scale, w = theta ? theta[i] : bf16_to_float(narrow[i]);
        float mean = bf16_to_float(m[i]) * a.beta1 + grad * (1.0f - a.beta1);
        float square = bf16_to_float(v[i]) * a.beta2 + grad * grad * (1.0f - a.beta2);
        w -= mean * rate / (sqrtf(square * inverse2) + a.eps) + w * decay;
        m[i] = stochastic(mean, random);
        v[i] = stochastic(square, random >> 16);
        if (theta)
            theta[i] = w;
        if (narrow)
            narrow[i] = theta ? bf16_from_float(w) : stochastic(w, random >> 32);
        if (full)
            full[i] = w;
    }
}
