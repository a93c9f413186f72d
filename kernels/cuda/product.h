/*
 * product.h - matrix products: C (M,N) = A (M,K) * B (K,N), or += when add
 *
 * All matrices are row-major and dense. a_t: A is stored as (K,M); b_t: B is stored as (N,K). Sums in f32.
 * Equal operands give equal bits. Operands in fp8: A as (M,K), B as (N,K) (b_t), M, N and K multiples of
 * FP8_MULTIPLE; C = a_scale b_scale A B. cublaslt.c computes them by cuBLASLt; tests link plain loops instead
 * (tests/cuda/shim/product.c).
 */
#ifndef KERNELS_CUDA_PRODUCT_H
#define KERNELS_CUDA_PRODUCT_H

#include "kernels/cuda/gpu.h"

struct product {
    int M, N, K;
    bool a_t, b_t, add;
    enum dtype in, out; /* in: ignored with fp8 */
    enum operands {
        OPERANDS_ACT,
        OPERANDS_FP8,
        OPERANDS_FP8_GRADIENT
    } fp8;                          /* FP8: both are e4m3; FP8_GRADIENT: A is e5m2, B e4m3 */
    const float *a_scale, *b_scale; /* scales of fp8 operands, in device memory */
};

struct products; /* holds the library, an algorithm for each shape, and workspace */

int products_find(char *why, size_t cap); /* -1 and why: the library is missing or too old */
struct products *products_open(const struct gpu *g, char *err, size_t cap);
void products_close(struct products *p);
const char *products_describe(const struct products *p); /* "cuBLASLt 13.1.0" */
size_t products_bytes(const struct products *p);         /* device memory that it holds */
void products_run(struct products *p, cudaStream_t s, void *C, const void *A, const void *B,
                  struct product d);
const char *products_error(const struct products *p); /* the first failure; NULL: none so far */

#endif
