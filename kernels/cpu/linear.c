/*
 * linear.c - the three products of a linear layer
 *
 *   y  = x W^T            x (N,I), W (O,I), y (N,O)
 *   dx = dy W   (or +=)
 *   dW = dy^T x (or +=)   f32
 *
 * Numerics bf16 operands, f32 accumulation, one rounding at the store. A CPU without bf16 products
 *          converts the operands to f32 first: the same numbers up to the order of summation.
 * Source   products by oneDNN (product.c) or gemm.c
 */
#include <string.h>
#include "kernels/cpu/product.h"
#include "kernels/cpu/table.h"

static const float *widen(struct device *dev, enum scratch_slot slot, const void *src, size_t n)
{
    float *copy = device_scratch(dev, slot, n * sizeof *copy);
    vector_to_f32(dev, copy, src, n);
    return copy;
}

/* Multiplies f32 copies of A and B, into an f32 copy of C when C is not f32 itself. */
static void multiply_widened(struct device *dev, void *C, const void *A, const void *B, struct product p)
{
    const float *a = widen(dev, SCRATCH_A, A, (size_t)p.M * p.K);
    const float *b = widen(dev, SCRATCH_B, B, (size_t)p.K * p.N);
    size_t n = (size_t)p.M * p.N;
    enum dtype out = p.out;
    float *c = C;

    if (out == DTYPE_BF16) {
        c = device_scratch(dev, SCRATCH_C, n * sizeof *c);
        if (p.add)
            vector_to_f32(dev, c, C, n);
    }
    p.in = p.out = DTYPE_F32;
    product_run(dev, c, a, b, p);
    if (out == DTYPE_BF16)
        vector_to_act(dev, C, c, n);
}

void linear_multiply(struct device *dev, void *C, const void *A, const void *B, struct product p)
{
    if (p.M == 0 || p.N == 0 || p.K == 0)
        return;
    if (gemm_does(dev, &p))
        gemm(dev, C, A, B, p);
    else if (p.in == DTYPE_BF16 && (!dev->bf16_products || !product_run(dev, C, A, B, p)))
        multiply_widened(dev, C, A, B, p);
    else if (p.in == DTYPE_F32)
        product_run(dev, C, A, B, p);
}

void linear_forward(struct device *dev, void *y, const void *x, const void *W, int N, int I, int O)
{
    if (N <= GEMV_ROWS) {
        gemv(dev, y, W, x, N, I, O);
        return;
    }
    struct product p = {.M = N, .N = O, .K = I, .b_t = true, .in = dev->act, .out = dev->act};
    linear_multiply(dev, y, x, W, p);
}

void linear_backward_input(struct device *dev, void *dx, const void *dy, const void *W, int N, int I, int O,
                           bool accumulate)
{
    struct product p = {.M = N, .N = I, .K = O, .add = accumulate, .in = dev->act, .out = dev->act};
    linear_multiply(dev, dx, dy, W, p);
}

/* Blocks of dy that are copied: their rows, their columns, and the distance between rows of the copy. */
enum { ROWS = 512, COLUMNS = 1024, COPY_ROW = COLUMNS + 16 };

/* Whether rows of dy compete for the cache: rows whose length is a multiple of 4 KiB fall into few cache sets
 * when they are read by columns. Where oneDNN takes the f32 operands of a narrow product as they are, this
 * halves its speed (2.6, AVX2, `kernel-bench -m nano --dtype f32`: "head: weight" at 41 % of a large
 * product's rate, and at 81 % with copies). */
static bool rows_collide(const struct device *dev, int N, int I, int O)
{
    return dev->act == DTYPE_F32 && !dev->own_products && O % COLUMNS == 0 && I <= 256 && N >= 64;
}

/* Multiplies copies of blocks of dy, whose rows are padded so that they do not compete for cache sets. */
static void backward_weight_by_blocks(struct device *dev, float *dW, const float *dy, const float *x, int N,
                                      int I, int O, bool accumulate)
{
    float *copy = device_scratch(dev, SCRATCH_A, ROWS * COPY_ROW * sizeof *copy);
    for (int n = 0; n < N; n += ROWS) {
        int rows = N - n < ROWS ? N - n : ROWS;
        struct product p = {.M = COLUMNS,
                            .N = I,
                            .K = rows,
                            .a_row = COPY_ROW,
                            .a_t = true,
                            .add = n > 0 || accumulate,
                            .in = DTYPE_F32,
                            .out = DTYPE_F32};
        for (int o = 0; o < O; o += COLUMNS) {
#pragma omp parallel for num_threads(dev->threads) schedule(static)
            for (int i = 0; i < rows; i++)
                memcpy(copy + (size_t)i * COPY_ROW, dy + (size_t)(n + i) * O + o, COLUMNS * sizeof *dy);
            product_run(dev, dW + (size_t)o * I, copy, x + (size_t)n * I, p);
        }
    }
}

void linear_backward_weight(struct device *dev, float *dW, const void *dy, const void *x, int N, int I, int O,
                            bool accumulate)
{
    if (rows_collide(dev, N, I, O)) {
        backward_weight_by_blocks(dev, dW, dy, x, N, I, O, accumulate);
        return;
    }
    struct product p = {
        .M = O, .N = I, .K = N, .a_t = true, .add = accumulate, .in = dev->act, .out = DTYPE_F32};
    linear_multiply(dev, dW, dy, x, p);
}

size_t linear_scratch_bytes(struct device *dev, const struct step_extent *e)
{
    bool widens = dev->act == DTYPE_BF16 && !dev->bf16_products;
    bool few = e->s.B * e->s.T <= GEMV_ROWS; /* gemv widens x; the output matrix takes few rows in any step */
    size_t copy = dev->act == DTYPE_F32 ? ROWS * COPY_ROW : few ? e->x : GEMV_ROWS * (size_t)e->C;
    size_t widened = (widens ? 2 * e->x + (e->w > e->x ? e->w : e->x) : copy) * sizeof(float);
    return widened + gemm_scratch_bytes(dev, e);
}

void linear_maybe_fp8_backward(struct device *dev, void *dx, float *dW, const void *dy, const void *x,
                               const void *W, int N, int I, int O, bool accumulate)
{
    linear_backward_weight(dev, dW, dy, x, N, I, O, accumulate);
    linear_backward_input(dev, dx, dy, W, N, I, O, false);
}
