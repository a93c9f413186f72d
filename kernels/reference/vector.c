/*
 * vector.c - long vectors: conversions, sums and linear combinations
 *
 * Shapes   x, y, src, dst: (n). `float *` is f32, `void *` is act.
 */
#include <math.h>
#include "kernels/reference/element.h"
#include "kernels/reference/table.h"

void reference_to_act(struct device *dev, void *dst, const float *src, size_t n)
{
    for (size_t i = 0; i < n; i++)
        store(dev, dst, i, src[i]);
}

void reference_to_f32(struct device *dev, float *dst, const void *src, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = (float)load(dev, src, i);
}

/* y = a x + b y. When b is 0, y is not read: it may hold anything. */
void reference_axpby(struct device *dev, void *y, float a, const void *x, float b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        store(dev, y, i, a * load(dev, x, i) + (b != 0 ? b * load(dev, y, i) : 0));
}

double reference_dot(struct device *dev, const float *x, const float *y, size_t n)
{
    double sum = 0;
    (void)dev;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * y[i];
    return sum;
}

double reference_sum_squares(struct device *dev, const float *x, size_t n)
{
    return reference_dot(dev, x, x, n);
}

/* y += a x */
void reference_axpy(struct device *dev, float *y, float a, const float *x, size_t n)
{
    (void)dev;
    for (size_t i = 0; i < n; i++)
        y[i] = (float)(y[i] + (double)a * x[i]);
}

void reference_scale(struct device *dev, float *x, float a, size_t n)
{
    (void)dev;
    for (size_t i = 0; i < n; i++)
        x[i] *= a;
}

/* x /= |x| + eps */
void reference_normalise(struct device *dev, float *x, double eps, size_t n)
{
    reference_scale(dev, x, (float)(1 / (sqrt(reference_sum_squares(dev, x, n)) + eps)), n);
}
