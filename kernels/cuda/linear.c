/*
 * linear.c - the three products of a linear layer
 */
#include "kernels/cuda/device.h"

static void multiply(struct device *dev, void *C, const void *A, const void *B, struct product d)
{
    if (d.M > 0 && d.N > 0 && d.K > 0)
        products_run(dev->products, dev->stream, C, A, B, d);
}

void cuda_linear_forward(struct device *dev, void *y, const void *x, const void *W, int N, int I, int O)
{
    if (N == 1) { /* one row: the cost is reading W */
        cuda_gemv(dev->stream, dev->act, y, W, x, I, O);
        return;
    }
    struct product d = {.M = N, .N = O, .K = I, .b_t = true, .in = dev->act, .out = dev->act};
    multiply(dev, y, x, W, d);
}

void cuda_linear_backward_input(struct device *dev, void *dx, const void *dy, const void *W, int N, int I,
                                int O, bool accumulate)
{
    struct product d = {.M = N, .N = I, .K = O, .add = accumulate, .in = dev->act, .out = dev->act};
    multiply(dev, dx, dy, W, d);
}

void cuda_linear_backward_weight(struct device *dev, float *dW, const void *dy, const void *x, int N, int I,
                                 int O, bool accumulate)
{
    struct product d = {
        .M = O, .N = I, .K = N, .a_t = true, .add = accumulate, .in = dev->act, .out = DTYPE_F32};
    multiply(dev, dW, dy, x, d);
}
