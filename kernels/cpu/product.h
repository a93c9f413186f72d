/*
 * product.h - matrix products: by oneDNN, each shape prepared once, or by gemm.c
 *
 *   C (M,N) = A (M,K) * B (K,N), or += when add
 *
 * All are row-major and dense. a_t: A is stored as (K,M); b_t: B as (N,K). a_row: distance between stored
 * rows of A in elements; 0: dense.
 */
#ifndef KERNELS_CPU_PRODUCT_H
#define KERNELS_CPU_PRODUCT_H

#include "kernels/cpu/device.h"

struct product {
    int M, N, K, a_row;
    bool a_t, b_t, add;
    enum dtype in, out;
};

/* Returns false, with nothing done, when oneDNN has no fast kernel for these types. Never returns false for
 * f32. */
bool product_run(struct device *dev, void *C, const void *A, const void *B, struct product p);

/* linear.c: the product by whichever way does it here. Of bf16 operands it may convert copies to f32. */
void linear_multiply(struct device *dev, void *C, const void *A, const void *B, struct product p);

/* Whether gemm computes this product, and faster than oneDNN. */
bool gemm_does(const struct device *dev, const struct product *p);
void gemm(struct device *dev, void *C, const void *A, const void *B, struct product p);
size_t gemm_scratch_bytes(const struct device *dev, const struct step_extent *e);

#endif
