/*
 * bias.c - adds a constant vector to each token's vector, as some models do after a matrix product
 *
 *   y[n,o]  = y[n,o] + b[o]
 *   db[o]   = sum_n dy[n,o]
 *
 * The gradient of what y was before is dy itself.
 *
 * Shapes   y, dy: (N,O) act. b, db: (O) f32.
 * Writes   y is changed in place. db is overwritten, or added to when accumulate.
 */
#include "kernels/reference/element.h"
#include "kernels/reference/table.h"

void reference_bias_forward(struct device *dev, void *y, const float *b, int N, int O)
{
    for (size_t n = 0; n < (size_t)N; n++)
        for (size_t o = 0; o < (size_t)O; o++)
            store(dev, y, n * O + o, load(dev, y, n * O + o) + b[o]);
}

void reference_bias_backward(struct device *dev, float *db, const void *dy, int N, int O, bool accumulate)
{
    for (size_t o = 0; o < (size_t)O; o++) {
        double sum = accumulate ? db[o] : 0;
        for (size_t n = 0; n < (size_t)N; n++)
            sum += load(dev, dy, n * O + o);
        db[o] = (float)sum;
    }
}
