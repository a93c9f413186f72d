/*
 * vector.c - long f32 vectors, and conversion from and to activations
 *
 * Mapping  chunks of CHUNK elements, whatever the number of threads: a sum has one partial sum a chunk and
 *          these are added in order, so its bits depend on n alone.
 */
#include "kernels/cpu/device.h"
#include "kernels/cpu/table.h"
#include "kernels/vec.h"

#include <math.h>

enum { CHUNK = 1 << 14, LANES = 16 };

static size_t chunks(size_t n)
{
    return (n + CHUNK - 1) / CHUNK;
}

static size_t chunk_end(size_t chunk, size_t n)
{
    return (chunk + 1) * CHUNK < n ? (chunk + 1) * CHUNK : n;
}

INLINE void convert(struct device *dev, void *dst, const void *src, size_t n, enum dtype to, enum dtype from)
{
#pragma omp parallel for num_threads(dev->threads) schedule(static) if (n > CHUNK)
    for (size_t k = 0; k < chunks(n); k++) {
        size_t end = chunk_end(k, n);
        for (size_t i = k * CHUNK; i < end; i += VL)
            vput_weights(dst, i, end - i, vget(src, i, end - i, from), to);
    }
}

void vector_to_act(struct device *dev, void *dst, const float *src, size_t n)
{
    if (dev->act == DTYPE_BF16)
        convert(dev, dst, src, n, DTYPE_BF16, DTYPE_F32);
    else
        device_move(dev, dst, src, n * sizeof *src);
}

void vector_to_f32(struct device *dev, float *dst, const void *src, size_t n)
{
    if (dev->act == DTYPE_BF16)
        convert(dev, dst, src, n, DTYPE_F32, DTYPE_BF16);
    else
        device_move(dev, dst, src, n * sizeof *dst);
}

INLINE void mix(struct device *dev, void *y, float a, const void *x, float b, size_t n, enum dtype t)
{
#pragma omp parallel for num_threads(dev->threads) schedule(static) if (n > CHUNK)
    for (size_t k = 0; k < chunks(n); k++) {
        size_t end = chunk_end(k, n);
        for (size_t i = k * CHUNK; i < end; i += VL) {
            vf sum = vget(x, i, end - i, t) * a;
            if (b != 0)
                sum = sum + vget(y, i, end - i, t) * b;
            vput(y, i, end - i, sum, t);
        }
    }
}

void vector_axpby(struct device *dev, void *y, float a, const void *x, float b, size_t n)
{
    FOR_ACT(dev, mix, dev, y, a, x, b, n);
}

static double chunk_dot(const float *x, const float *y, size_t n)
{
    double lane[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++)
            lane[k] += (double)x[i + k] * (double)y[i + k];
    for (; i < n; i++)
        sum += (double)x[i] * (double)y[i];
    for (int k = 0; k < LANES; k++)
        sum += lane[k];
    return sum;
}

double vector_dot(struct device *dev, const float *x, const float *y, size_t n)
{
    double *partial = device_scratch(dev, SCRATCH_PARTIAL, chunks(n) * sizeof *partial), sum = 0;
#pragma omp parallel for num_threads(dev->threads) schedule(static) if (n > CHUNK)
    for (size_t k = 0; k < chunks(n); k++)
        partial[k] = chunk_dot(x + k * CHUNK, y + k * CHUNK, chunk_end(k, n) - k * CHUNK);
    for (size_t k = 0; k < chunks(n); k++)
        sum += partial[k];
    return sum;
}

double vector_sum_squares(struct device *dev, const float *x, size_t n)
{
    return vector_dot(dev, x, x, n);
}

void vector_axpy(struct device *dev, float *y, float a, const float *x, size_t n)
{
#pragma omp parallel for simd num_threads(dev->threads) schedule(static)
    for (size_t i = 0; i < n; i++)
        y[i] += a * x[i];
}

void vector_scale(struct device *dev, float *x, float a, size_t n)
{
#pragma omp parallel for simd num_threads(dev->threads) schedule(static)
    for (size_t i = 0; i < n; i++)
        x[i] *= a;
}

void vector_normalise(struct device *dev, float *x, double eps, size_t n)
{
    vector_scale(dev, x, (float)(1 / (sqrt(vector_sum_squares(dev, x, n)) + eps)), n);
}
