/*
 * int8.c - weights in eight bits: each row of a matrix is a scale times whole numbers from -127 to 127
 *
 *   scales[o] = max_i |W[o,i]| / 127
 *   q[o,i]    = W[o,i] / scales[o], rounded to the nearest whole number (of two, to the even one)
 *   y[n,o]    = scales[o] * sum_i x[n,i] * q[o,i]
 *
 * A row whose scale is below the smallest normal f32 becomes zeros. A row with a number that is not finite
 * gets the scale NaN, so that products show it.
 *
 * Shapes   W: (O,I) act. q: (O,I). scales: (O) f32. x: (N,I) act. y: (N,O) act. ids: (N).
 * Writes   q, scales, y and the embedding's x are overwritten.
 */
#include <float.h>
#include <math.h>
#include "kernels/reference/element.h"
#include "kernels/reference/table.h"

static float scale_of(const struct device *dev, const void *W, size_t row, size_t I)
{
    double largest = 0;
    for (size_t i = row; i < row + I; i++) {
        double w = load(dev, W, i);
        if (!isfinite(w))
            return NAN;
        largest = fmax(largest, fabs(w));
    }
    return (float)(largest / 127);
}

void reference_quantise_int8(struct device *dev, int8_t *q, float *scales, const void *W, int O, int I)
{
    for (size_t o = 0; o < (size_t)O; o++) {
        float scale = scale_of(dev, W, o * I, I);
        scales[o] = scale;
        for (size_t i = o * I; i < (o + 1) * I; i++)
            q[i] = scale >= FLT_MIN ? (int8_t)nearbyintf((float)(load(dev, W, i) / scale)) : 0;
    }
}

void reference_linear_int8_forward(struct device *dev, void *y, const void *x, const int8_t *q,
                                   const float *scales, int N, int I, int O)
{
    for (size_t n = 0; n < (size_t)N; n++)
        for (size_t o = 0; o < (size_t)O; o++) {
            double sum = 0;
            for (size_t i = 0; i < (size_t)I; i++)
                sum += load(dev, x, n * I + i) * q[o * I + i];
            store(dev, y, n * O + o, scales[o] * sum);
        }
}

void reference_embedding_int8_forward(struct device *dev, void *x, const int8_t *q, const float *scales,
                                      const int32_t *ids, int N, int C)
{
    for (size_t n = 0; n < (size_t)N; n++)
        for (size_t c = 0; c < (size_t)C; c++)
            store(dev, x, n * C + c, (double)scales[ids[n]] * q[(size_t)ids[n] * C + c]);
}
