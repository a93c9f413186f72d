/*
 * product.h - matrix products by oneDNN, each shape prepared once
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

#endif
