/*
 * rmsnorm.c - root-mean-square norm over the last axis, with the residual addition in front of it
 *
 *   s[n]    = x[n] + delta[n]
 *   r[n]    = 1 / sqrt(mean_c s[n,c]^2 + eps)
 *   y[n,c]  = s[n,c] * r[n] * g[c]
 *   dx[n,c] += r[n] * (g[c]*dy[n,c] - x[n,c] * r[n]^2 * mean_k(g[k]*dy[n,k]*x[n,k]))
 *   dg[c]   = or += sum_n dy[n,c] * x[n,c] * r[n]
 *
 * Mapping  a row at a time; dg through one partial sum a thread, added in the order of the threads.
 * Numerics sums in f32; the rounded sum is normed, since backward reads that too.
 * Source   Zhang & Sennrich 2019, arXiv:1910.07467
 */
#include "kernels/cpu/device.h"
#include "kernels/cpu/table.h"
#include "kernels/vec.h"

INLINE float sum_row(void *sum, const void *x, const void *delta, size_t at, int C, enum dtype t)
{
    vf square = vzero();
    for (int c = 0; c < C; c += VL) {
        vf a = vget(x, at + c, C - c, t);
        if (delta) {
            vput(sum, at + c, C - c, a + vget(delta, at + c, C - c, t), t);
            a = vget(sum, at + c, C - c, t);
        }
        square += a * a;
    }
    return vsum(square);
}

INLINE void forward(struct device *dev, void *y, float *rstd, void *sum, const void *x, const void *delta,
                    const float *g, int N, int C, float eps, enum dtype t)
{
    const void *normed = delta ? sum : x;
#pragma omp parallel for num_threads(dev->threads) schedule(static)
    for (int n = 0; n < N; n++) {
        size_t at = (size_t)n * C;
        float r = 1.0f / sqrtf(sum_row(sum, x, delta, at, C, t) / C + eps);
        rstd[n] = r;
        for (int c = 0; c < C; c += VL)
            vput(y, at + c, C - c, vget(normed, at + c, C - c, t) * r * vget(g, c, C - c, DTYPE_F32), t);
    }
}

void rmsnorm_forward(struct device *dev, void *y, float *rstd, void *sum, const void *x, const void *delta,
                     const float *g, int N, int C, float eps)
{
    FOR_ACT(dev, forward, dev, y, rstd, sum, x, delta, g, N, C, eps);
}

INLINE void backward_row(void *dx, float *dg, const void *dy, const void *x, const float *g, float r,
                         size_t at, int C, enum dtype t)
{
    vf dot = vzero();
    for (int c = 0; c < C; c += VL) {
        vf d = vget(dy, at + c, C - c, t), a = vget(x, at + c, C - c, t);
        vf scaled = d * a;
        dot += scaled * vget(g, c, C - c, DTYPE_F32);
        vput(dg, c, C - c, vget(dg, c, C - c, DTYPE_F32) + scaled * r, DTYPE_F32);
    }
    float k = vsum(dot) / C * r * r * r;
    for (int c = 0; c < C; c += VL) {
        vf d = vget(dy, at + c, C - c, t) * vget(g, c, C - c, DTYPE_F32);
        vf a = vget(x, at + c, C - c, t);
        vput(dx, at + c, C - c, vget(dx, at + c, C - c, t) + (d * r - a * k), t);
    }
}

INLINE void backward(struct device *dev, void *dx, float *dg, const void *dy, const void *x, const float *g,
                     const float *rstd, int N, int C, bool accumulate, enum dtype t)
{
    int threads = dev->threads;
    size_t stride = ((size_t)C + 15) & ~(size_t)15;
    float *partial = device_scratch(dev, SCRATCH_PARTIAL, threads * stride * sizeof *partial);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int i = 0; i < threads; i++) {
        float *mine = partial + i * stride;
        int lo, hi;
        memset(mine, 0, C * sizeof *mine);
        device_share(N, i, threads, &lo, &hi);
        for (int n = lo; n < hi; n++)
            backward_row(dx, mine, dy, x, g, rstd[n], (size_t)n * C, C, t);
    }
    for (int i = 0; i < threads; i++)
        for (int c = 0; c < C; c++)
            dg[c] = (i > 0 || accumulate ? dg[c] : 0) + partial[i * stride + c];
}

void rmsnorm_backward(struct device *dev, void *dx, float *dg, const void *dy, const void *x, const float *g,
                      const float *rstd, int N, int C, bool accumulate)
{
    FOR_ACT(dev, backward, dev, dx, dg, dy, x, g, rstd, N, C, accumulate);
}
