/*
 * adamw.cu - one AdamW step, everything in one pass over memory; f32 state, or bf16 with stochastic rounding
 *
 *   g' = grad_scale * g;  m = beta1 m + (1 - beta1) g';  v = beta2 v + (1 - beta2) g'^2
 *   theta -= lr * (m / bias1 / (sqrt(v / bias2) + eps) + weight_decay * theta);  work = theta
 *
 * Stochastic rounding: 16 random bits are added to those that bf16 cuts off, so the mean of the results is
 * the f32 value. The bits are a hash of (seed, index of the element): no state, the same bits in every run.
 * Mapping  a thread takes VEC elements.
 * Cost     bound by memory: f32 16 bytes read and 12 + 2 written a weight; bf16 with weights in bf16 10 and
 *          6.
 * Oracle   kernels/cpu/adamw.c
 * Source   Loshchilov & Hutter 2019, arXiv:1711.05101; the hash: Steele et al. 2014 (SplitMix64)
 */
#include "kernels/cuda/common.cuh"

enum { THREADS = 256 };

struct factors {
    float rate, beta1, beta2, eps, inverse2, decay, grad_scale;
};

static struct factors factors_of(struct adamw a)
{
    return factors{a.lr / a.bias1,        a.beta1,     a.beta2, a.eps, 1.0f / a.bias2,
                   a.lr * a.weight_decay, a.grad_scale};
}

DEVICE void update(float (&w)[VEC], float (&m)[VEC], float (&v)[VEC], const float (&g)[VEC], struct factors a)
{
#pragma unroll
    for (int i = 0; i < VEC; i++) {
        float grad = g[i] * a.grad_scale;
        m[i] = m[i] * a.beta1 + grad * (1.0f - a.beta1);
        v[i] = v[i] * a.beta2 + grad * grad * (1.0f - a.beta2);
        w[i] -= m[i] * a.rate / (sqrtf(v[i] * a.inverse2) + a.eps) + w[i] * a.decay;
    }
}

template <class T, bool wide>
KERNEL(THREADS)
step_kernel(float *theta, T *work, float *m, float *v, const float *g, size_t n, struct factors a)
{
    size_t i = ((size_t)blockIdx.x * THREADS + threadIdx.x) * VEC;
    if (i >= n)
        return;
    long left = (long)(n - i);
    float w[VEC], mean[VEC], square[VEC], grad[VEC];
    get_some<wide>(w, theta + i, left);
    get_some<wide>(mean, m + i, left);
    get_some<wide>(square, v + i, left);
    get_some<wide>(grad, g + i, left);
    update(w, mean, square, grad, a);
    put_some<wide>(theta + i, w, left);
    put_some<wide>(m + i, mean, left);
    put_some<wide>(v + i, square, left);
    if (work)
        put_some<wide>(work + i, w, left);
}

template <class T, bool wide>
static void step(cudaStream_t s, float *theta, void *work, float *m, float *v, const float *g, size_t n,
                 struct factors a)
{
    LAUNCH((step_kernel<T, wide>), (unsigned)ceil_div(n, THREADS * VEC), THREADS, 0, s, theta, (T *)work, m,
           v, g, n, a);
}

void cuda_adamw_step(cudaStream_t s, enum dtype act, float *theta, void *work, float *m, float *v,
                     const float *g, size_t n, struct adamw a)
{
    if (work == theta)
        work = NULL;
    if (n)
        FOR_ACT(act, n % VEC == 0 && aligned16(theta, work, m, v, g), step, s, theta, work, m, v, g, n,
                factors_of(a));
}

/* ---- bf16 state ---- */

DEVICE uint64_t hash(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Returns x rounded to bf16, up with a probability equal to the fraction that is cut off. Infinities and NaNs
 * keep their value. */
DEVICE float stochastic(float x, unsigned random)
{
    unsigned u = float_bits(x);
    bool finite = (u & 0x7f800000u) != 0x7f800000u;
    return bits_float((finite ? u + (random & 0xffff) : u | (u & 0xffff ? 0x10000u : 0)) & 0xffff0000u);
}

template <class T, bool wide>
KERNEL(THREADS)
step_bf16_kernel(float *theta, T *work, bf16 *m, bf16 *v, const float *g, size_t n, struct factors a,
                 uint64_t seed, uint64_t index)
{
    size_t i = ((size_t)blockIdx.x * THREADS + threadIdx.x) * VEC;
    if (i >= n)
        return;
    long left = (long)(n - i);
    float w[VEC], mean[VEC], square[VEC], grad[VEC];
    if (theta)
        get_some<wide>(w, theta + i, left);
    else
        get_some<wide>(w, work + i, left);
    get_some<wide>(mean, m + i, left);
    get_some<wide>(square, v + i, left);
    get_some<wide>(grad, g + i, left);
    update(w, mean, square, grad, a);
    if (theta)
        put_some<wide>(theta + i, w, left);
#pragma unroll
    for (int k = 0; k < VEC; k++) {
        uint64_t random = hash(hash(seed) + (index + i + k) * 0x9e3779b97f4a7c15u);
        mean[k] = stochastic(mean[k], (unsigned)random);
        square[k] = stochastic(square[k], (unsigned)(random >> 16));
        if (!theta)
            w[k] = stochastic(w[k], (unsigned)(random >> 32));
    }
    put_some<wide>(m + i, mean, left);
    put_some<wide>(v + i, square, left);
    if (work)
        put_some<wide>(work + i, w, left);
}

template <class T, bool wide>
static void step_bf16(cudaStream_t s, float *theta, void *work, uint16_t *m, uint16_t *v, const float *g,
                      size_t n, struct factors a, uint64_t seed, uint64_t index)
{
    LAUNCH((step_bf16_kernel<T, wide>), (unsigned)ceil_div(n, THREADS * VEC), THREADS, 0, s, theta, (T *)work,
           (bf16 *)m, (bf16 *)v, g, n, a, seed, index);
}

void cuda_adamw_step_bf16(cudaStream_t s, enum dtype act, float *theta, void *work, uint16_t *m, uint16_t *v,
                          const float *g, size_t n, struct adamw a, uint64_t seed, uint64_t index)
{
    if (work == theta)
        work = NULL;
    if (n)
        FOR_ACT(act, n % VEC == 0 && aligned16(theta, work, m, v, g), step_bf16, s, theta, work, m, v, g, n,
                factors_of(a), seed, index);
}
