/*
 * rmsnorm.c - adds a block's output to the residual stream, and scales each token's vector to the length that
 * the next block expects
 *
 *   s[n,c]  = x[n,c] + delta[n,c]                     the residual stream
 *   r[n]    = 1 / sqrt(mean_c s[n,c]^2 + eps)
 *   y[n,c]  = s[n,c] * r[n] * g[c]
 *
 * Backward, with x for what was normed (s above). Each x[n,c] reaches y directly and through r:
 *   dr/dx[n,c] = -r[n]^3 * x[n,c] / C, therefore
 *   dx[n,c] += r[n] * g[c] * dy[n,c] - x[n,c] * r[n]^3 * mean_k(g[k] * dy[n,k] * x[n,k])
 *   dg[c]    = sum_n dy[n,c] * x[n,c] * r[n]
 *
 * Shapes   x, delta, s, y, dx, dy: (N,C) act. g, dg: (C) f32. r: (N) f32, saved for backward.
 * Writes   s (which may be x itself), y and r are overwritten.
 *          dx is added to: the gradient that flows past the block on the residual stream is there already.
 *          dg is overwritten, or added to when accumulate.
 * Source   Zhang & Sennrich 2019, arXiv:1910.07467
 */
#include <math.h>
#include "kernels/reference/element.h"
#include "kernels/reference/table.h"

void reference_rmsnorm_forward(struct device *dev, void *y, float *rstd, void *sum, const void *x,
                               const void *delta, const float *g, int N, int C, float eps)
{
    for (size_t i = 0; delta && i < (size_t)N * C; i++)
        store(dev, sum, i, load(dev, x, i) + load(dev, delta, i));
    const void *s = delta ? sum : x;
    for (size_t n = 0; n < (size_t)N; n++) {
        double squares = 0;
        for (size_t c = 0; c < (size_t)C; c++)
            squares += load(dev, s, n * C + c) * load(dev, s, n * C + c);
        double r = 1 / sqrt(squares / C + eps);
        for (size_t c = 0; c < (size_t)C; c++)
            store(dev, y, n * C + c, load(dev, s, n * C + c) * r * g[c]);
        rstd[n] = (float)r;
    }
}

void reference_rmsnorm_backward(struct device *dev, void *dx, float *dg, const void *dy, const void *x,
                                const float *g, const float *rstd, int N, int C, bool accumulate)
{
    for (size_t n = 0; n < (size_t)N; n++) {
        double r = rstd[n], mean = 0;
        for (size_t c = 0; c < (size_t)C; c++)
            mean += g[c] * load(dev, dy, n * C + c) * load(dev, x, n * C + c) / C;
        for (size_t c = 0; c < (size_t)C; c++) {
            size_t i = n * C + c;
            double own = r * g[c] * load(dev, dy, i), through_r = load(dev, x, i) * r * r * r * mean;
            store(dev, dx, i, load(dev, dx, i) + own - through_r);
        }
    }
    for (size_t c = 0; c < (size_t)C; c++) {
        double sum = accumulate ? dg[c] : 0;
        for (size_t n = 0; n < (size_t)N; n++)
            sum += load(dev, dy, n * C + c) * load(dev, x, n * C + c) * rstd[n];
        dg[c] = (float)sum;
    }
}
