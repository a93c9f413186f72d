/*
 * directions.c - extrapolating weights along a few directions: averages, sums of directions, inner products
 *
 *   ema_step    mean = keep mean + (1-keep) theta;  theta += ahead (theta - mean);  work = theta
 *   combine     y = x + sum_j c[g][j] D_j           work = y
 *   direction   d = keep d + gain (a - b) + sum_j c[g][j] D_j
 *   gram        out[g] = inner products of D_0 .. D_{k-1} and a - b
 *
 * Shapes   theta, mean, x, y, a, b f32; D, d, work act. All flat and equally long; a span's elements share
 *          row g of c (groups,k).
 * Mapping  chunks of CHUNK elements within a span. gram: one partial sum a chunk, added in order, so its bits
 *          do not depend on the number of threads.
 * Numerics gram sums a chunk in f32 lanes (CHUNK / VL additions each), chunks in double.
 * Cost     bound by memory: per weight, with k = 4 directions in bf16, combine reads 12 and writes 6 bytes,
 *          ema_step 8 and 10.
 */
#include "kernels/cpu/device.h"
#include "kernels/cpu/table.h"
#include "kernels/vec.h"

enum { CHUNK = 1 << 12, VECTORS = OPS_DIRECTIONS + 1, PRODUCTS = VECTORS * (VECTORS + 1) / 2 };

static size_t chunks(size_t n)
{
    return (n + CHUNK - 1) / CHUNK;
}

static size_t chunk_end(const struct span *s, size_t chunk)
{
    return s->offset + ((chunk + 1) * CHUNK < s->n ? (chunk + 1) * CHUNK : s->n);
}

INLINE void ema(struct device *dev, float *theta, void *work, float *mean, size_t n, float keep, float ahead,
                enum dtype t)
{
    const struct span all = {0, n, 0};
#pragma omp parallel for num_threads(dev->threads) schedule(static) if (n > CHUNK)
    for (size_t chunk = 0; chunk < chunks(n); chunk++) {
        size_t end = chunk_end(&all, chunk);
        for (size_t i = chunk * CHUNK; i < end; i += VL) {
            vf x = vget(theta, i, end - i, DTYPE_F32);
            vf m = vget(mean, i, end - i, DTYPE_F32) * keep + x * (1.0f - keep);
            vput(mean, i, end - i, m, DTYPE_F32);
            if (ahead == 0)
                continue;
            x = x + (x - m) * ahead;
            vput(theta, i, end - i, x, DTYPE_F32);
            if (work)
                vput_weights(work, i, end - i, x, t);
        }
    }
}

void directions_ema_step(struct device *dev, float *theta, void *work, float *mean, size_t n, float keep,
                         float ahead)
{
    FOR_ACT(dev, ema, dev, theta, work == theta ? NULL : work, mean, n, keep, ahead);
}

INLINE vf sum_at(vf sum, const void *const *D, int k, const float *c, size_t i, size_t left, enum dtype t)
{
    for (int j = 0; j < k; j++)
        sum = sum + vget(D[j], i, left, t) * c[j];
    return sum;
}

INLINE void combine_span(struct device *dev, float *y, void *work, const float *x, const void *const *D,
                         int k, const float *c, const struct span *s, enum dtype t)
{
#pragma omp parallel for num_threads(dev->threads) schedule(static) if (s->n > CHUNK)
    for (size_t chunk = 0; chunk < chunks(s->n); chunk++) {
        size_t end = chunk_end(s, chunk);
        for (size_t i = s->offset + chunk * CHUNK; i < end; i += VL) {
            vf sum = sum_at(vget(x, i, end - i, DTYPE_F32), D, k, c, i, end - i, t);
            vput(y, i, end - i, sum, DTYPE_F32);
            if (work)
                vput_weights(work, i, end - i, sum, t);
        }
    }
}

void directions_combine(struct device *dev, float *y, void *work, const float *x, const void *const *D, int k,
                        const float *c, const struct span *spans, int n_spans)
{
    assert(k >= 0 && k <= OPS_DIRECTIONS);
    for (int s = 0; s < n_spans; s++)
        FOR_ACT(dev, combine_span, dev, y, work == y ? NULL : work, x, D, k, c + spans[s].group * k,
                &spans[s]);
}

INLINE void direction_span(struct device *dev, void *d, float keep, float gain, const float *a,
                           const float *b, const void *const *D, int k, const float *c, const struct span *s,
                           enum dtype t)
{
#pragma omp parallel for num_threads(dev->threads) schedule(static) if (s->n > CHUNK)
    for (size_t chunk = 0; chunk < chunks(s->n); chunk++) {
        size_t end = chunk_end(s, chunk);
        for (size_t i = s->offset + chunk * CHUNK; i < end; i += VL) {
            size_t left = end - i;
            vf sum = (vget(a, i, left, DTYPE_F32) - vget(b, i, left, DTYPE_F32)) * gain;
            if (keep != 0)
                sum = sum + vget(d, i, left, t) * keep;
            vput_weights(d, i, left, sum_at(sum, D, k, c, i, left, t), t);
        }
    }
}

void directions_direction(struct device *dev, void *d, float keep, float gain, const float *a, const float *b,
                          const void *const *D, int k, const float *c, const struct span *spans, int n_spans)
{
    assert(k >= 0 && k <= OPS_DIRECTIONS);
    for (int s = 0; s < n_spans; s++)
        FOR_ACT(dev, direction_span, dev, d, keep, gain, a, b, D, k, c + spans[s].group * k, &spans[s]);
}

/* The upper triangle of the products of one chunk, row by row. */
INLINE void gram_chunk(double *out, const void *const *D, int k, const float *a, const float *b, size_t at,
                       size_t end, enum dtype t)
{
    vf sum[PRODUCTS], v[VECTORS];
    for (int p = 0; p < (k + 1) * (k + 2) / 2; p++)
        sum[p] = vset(0);
    for (size_t i = at; i < end; i += VL) {
        for (int j = 0; j < k; j++)
            v[j] = vget(D[j], i, end - i, t);
        v[k] = vget(a, i, end - i, DTYPE_F32);
        if (b)
            v[k] = v[k] - vget(b, i, end - i, DTYPE_F32);
        for (int j = 0, p = 0; j <= k; j++)
            for (int l = j; l <= k; l++, p++)
                sum[p] = sum[p] + v[j] * v[l];
    }
    for (int p = 0; p < (k + 1) * (k + 2) / 2; p++)
        out[p] = (double)vsum(sum[p]);
}

INLINE void gram_span(struct device *dev, double *out, const void *const *D, int k, const float *a,
                      const float *b, const struct span *s, enum dtype t)
{
    int products = (k + 1) * (k + 2) / 2;
    double *partial = device_scratch(dev, SCRATCH_PARTIAL, chunks(s->n) * PRODUCTS * sizeof *partial);
#pragma omp parallel for num_threads(dev->threads) schedule(static) if (s->n > CHUNK)
    for (size_t chunk = 0; chunk < chunks(s->n); chunk++) {
        double *to = partial + chunk * PRODUCTS;
        size_t at = s->offset + chunk * CHUNK, end = chunk_end(s, chunk);
        if (k == OPS_DIRECTIONS) /* a constant k lets the compiler keep the sums in registers */
            gram_chunk(to, D, OPS_DIRECTIONS, a, b, at, end, t);
        else
            gram_chunk(to, D, k, a, b, at, end, t);
    }
    for (size_t chunk = 0; chunk < chunks(s->n); chunk++)
        for (int p = 0; p < products; p++)
            out[p] += partial[chunk * PRODUCTS + (size_t)p];
}

void directions_gram(struct device *dev, double *out, const void *const *D, int k, const float *a,
                     const float *b, const struct span *spans, int n_spans, int n_groups)
{
    int side = k + 1;
    assert(k >= 0 && k <= OPS_DIRECTIONS);
    memset(out, 0, (size_t)n_groups * (size_t)(side * side) * sizeof *out);
    for (int s = 0; s < n_spans; s++) {
        double upper[PRODUCTS] = {0}, *g = out + spans[s].group * side * side;
        FOR_ACT(dev, gram_span, dev, upper, D, k, a, b, &spans[s]);
        for (int j = 0, p = 0; j < side; j++) {
            for (int l = j; l < side; l++, p++) {
                g[j * side + l] += upper[p];
                if (l != j)
                    g[l * side + j] += upper[p];
            }
        }
    }
}
