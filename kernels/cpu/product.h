/*
 * product.h - matrix products by oneDNN, each shape prepared once
 *
 *   C (M,N) = A (M,K) * B (K,N), or += when add
 *
 * All are row-major and dense. a_t: A is stored as (K,M); b_t: B as (N,K). a_row not 0: elements from a row
 * of A, as it is stored, to the next.
 */
#ifndef KERNELS_CPU_PRODUCT_H
#define KERNELS_CPU_PRODUCT_H

#include "kernels/cpu/device.h"

struct product {
    int M, N, K, a_row;
    bool a_t, b_t, add;
    enum dtype in, out;
};

/* false: oneDNN has no fast kernel for these types here; nothing was done. Never for f32. */
bool product_run(struct device *dev, void *C, const void *A, const void *B, struct product p);

#endif
