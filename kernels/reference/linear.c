/*
 * linear.c - a linear layer without bias: every output is a weighted sum of all inputs
 *
 *   y[n,o]  = sum_i x[n,i] * W[o,i]       y  = x W^T
 *   dx[n,i] = sum_o dy[n,o] * W[o,i]      dx = dy W
 *   dW[o,i] = sum_n dy[n,o] * x[n,i]      dW = dy^T x
 *
 * The gradients follow from the first line: x[n,i] takes part in every y[n,o] with the weight W[o,i], and
 * W[o,i] takes part in the y[n,o] of every token n with the weight x[n,i].
 *
 * Shapes   x, dx: (N,I) act. y, dy: (N,O) act. W: (O,I) act. dW: (O,I) f32.
 * Writes   y is overwritten. dx and dW are overwritten, or added to when accumulate.
 */
#include "kernels/reference/element.h"
#include "kernels/reference/table.h"

void reference_linear_forward(struct device *dev, void *y, const void *x, const void *W, int N, int I, int O)
{
    for (size_t n = 0; n < (size_t)N; n++)
        for (size_t o = 0; o < (size_t)O; o++) {
            double sum = 0;
            for (size_t i = 0; i < (size_t)I; i++)
                sum += load(dev, x, n * I + i) * load(dev, W, o * I + i);
            store(dev, y, n * O + o, sum);
        }
}

void reference_linear_backward_input(struct device *dev, void *dx, const void *dy, const void *W, int N,
                                     int I, int O, bool accumulate)
{
    for (size_t n = 0; n < (size_t)N; n++)
        for (size_t i = 0; i < (size_t)I; i++) {
            double sum = accumulate ? load(dev, dx, n * I + i) : 0;
            for (size_t o = 0; o < (size_t)O; o++)
                sum += load(dev, dy, n * O + o) * load(dev, W, o * I + i);
            store(dev, dx, n * I + i, sum);
        }
}

void reference_linear_backward_weight(struct device *dev, float *dW, const void *dy, const void *x, int N,
                                      int I, int O, bool accumulate)
{
    for (size_t o = 0; o < (size_t)O; o++)
        for (size_t i = 0; i < (size_t)I; i++) {
            double sum = accumulate ? dW[o * I + i] : 0;
            for (size_t n = 0; n < (size_t)N; n++)
                sum += load(dev, dy, n * O + o) * load(dev, x, n * I + i);
            dW[o * I + i] = (float)sum;
        }
}

/* Both gradients of a layer which other backends can compute in fp8. */
void reference_linear_maybe_fp8_backward(struct device *dev, void *dx, float *dW, const void *dy,
                                         const void *x, const void *W, int N, int I, int O, bool accumulate)
{
    reference_linear_backward_weight(dev, dW, dy, x, N, I, O, accumulate);
    reference_linear_backward_input(dev, dx, dy, W, N, I, O, false);
}
