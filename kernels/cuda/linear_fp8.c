/*
 * linear_fp8.c - the linear layers inside the transformer's blocks, in fp8 where that was asked for
 *
 * cuBLASLt multiplies fp8 only where both operands are contiguous along the axis that is summed over: this
 * holds for y = x W^T; dx = dy W needs the transpose of W, and dW = dy^T x those of dy and x. Every operand
 * is quantised just before its use (fp8.cu), and nothing is kept between the passes.
 */
#include "kernels/cuda/device.h"
#include "kernels/cuda/fp8.h"

enum {
    HEAD = 4096
}; /* bytes at the start of the scratch, for scales and for what the quantising kernels need */

static bool takes(const struct device *dev, const void *a, const void *b, const void *c, int N, int I, int O)
{
    uintptr_t bits = (uintptr_t)a | (uintptr_t)b | (uintptr_t)c | (uintptr_t)N | (uintptr_t)I | (uintptr_t)O;
    return dev->fp8 && N > 0 && I > 0 && O > 0 && bits % FP8_MULTIPLE == 0;
}

/* Quantises operand x (R,C) with scales[which], 0 for a and 1 for b. q or its transpose t may be NULL. */
static void quantise(struct device *dev, char *scratch, int which, enum fp8 to, char *q, char *t,
                     const void *x, int R, int C)
{
    float *unscale = (float *)(void *)scratch + which;
    cuda_fp8_quantise(dev->stream, to, (uint8_t *)q, (uint8_t *)t, unscale, x, R, C, scratch + 256);
}

static struct product product_of(const char *scratch, int M, int N, int K, enum operands fp8)
{
    const float *scales = (const float *)(const void *)scratch;
    return (struct product){.M = M,
                            .N = N,
                            .K = K,
                            .b_t = true,
                            .fp8 = fp8,
                            .out = DTYPE_BF16,
                            .a_scale = scales,
                            .b_scale = scales + 1};
}

void cuda_linear_maybe_fp8_forward(struct device *dev, void *y, const void *x, const void *W, int N, int I,
                                   int O)
{
    if (!takes(dev, y, x, W, N, I, O)) {
        cuda_linear_forward(dev, y, x, W, N, I, O);
        return;
    }
    size_t xs = (size_t)N * (size_t)I, ws = (size_t)O * (size_t)I;
    char *scratch = cuda_device_scratch(dev, HEAD + xs + ws);
    if (!scratch)
        return;
    char *xq = scratch + HEAD, *wq = xq + xs;
    quantise(dev, scratch, 0, FP8_E4M3, xq, NULL, x, N, I);
    quantise(dev, scratch, 1, FP8_E4M3, wq, NULL, W, O, I);
    products_run(dev->products, dev->stream, y, xq, wq, product_of(scratch, N, O, I, OPERANDS_FP8));
}

void cuda_linear_maybe_fp8_backward(struct device *dev, void *dx, float *dW, const void *dy, const void *x,
                                    const void *W, int N, int I, int O, bool accumulate)
{
    if (!takes(dev, (char *)((uintptr_t)dx | (uintptr_t)dW), dy, (char *)((uintptr_t)x | (uintptr_t)W), N, I,
               O)) {
        cuda_linear_backward_weight(dev, dW, dy, x, N, I, O, accumulate);
        cuda_linear_backward_input(dev, dx, dy, W, N, I, O, false);
        return;
    }
    size_t ys = (size_t)N * (size_t)O, xs = (size_t)N * (size_t)I, ws = (size_t)O * (size_t)I;
    char *scratch = cuda_device_scratch(dev, HEAD + 2 * ys + (xs > ws ? xs : ws));
    if (!scratch)
        return;
    char *dyq = scratch + HEAD, *dyt = dyq + ys, *other = dyt + ys;
    quantise(dev, scratch, 0, FP8_E5M2, dyq, dyt, dy, N, O);
    quantise(dev, scratch, 1, FP8_E4M3, NULL, other, x, N, I);
    struct product weight = product_of(scratch, O, I, N, OPERANDS_FP8_GRADIENT);
    weight.add = accumulate;
    weight.out = DTYPE_F32;
    products_run(dev->products, dev->stream, dW, dyt, other, weight);
    quantise(dev, scratch, 1, FP8_E4M3, NULL, other, W, O, I);
    products_run(dev->products, dev->stream, dx, dyq, other,
                 product_of(scratch, N, I, O, OPERANDS_FP8_GRADIENT));
}

size_t cuda_linear_fp8_scratch(const struct step_extent *e)
{
    return HEAD + 2 * e->x + (e->x > e->w ? e->x : e->w);
}
