/*
 * directions.h - launchers of directions.cu; conventions as in kernels.h, meaning as in ops.h, each over one
 * span
 */
#ifndef KERNELS_CUDA_DIRECTIONS_H
#define KERNELS_CUDA_DIRECTIONS_H

#include "kernels/cuda/kernels.h"

struct directions {
    const void *D[OPS_DIRECTIONS]; /* act */
    float c[OPS_DIRECTIONS];
    int k;
};

#ifdef __cplusplus
extern "C" {
#endif

void cuda_ema_step(cudaStream_t s, enum dtype act, float *theta, void *work, float *mean, size_t n,
                   float keep, float ahead);
void cuda_combine(cudaStream_t s, enum dtype act, float *y, void *work, const float *x, struct directions d,
                  size_t n);
void cuda_direction(cudaStream_t s, enum dtype act, void *out, float keep, float gain, const float *a,
                    const float *b, struct directions d, size_t n);
/* Adds the inner products of the k directions and of a - b, the last vector, to sums[i (i + 1) / 2 + j], j <=
 * i <= k: doubles in device memory. */
void cuda_gram(cudaStream_t s, enum dtype act, double *sums, const float *a, const float *b,
               struct directions d, size_t n, void *scratch);
size_t cuda_gram_scratch(size_t n);

#ifdef __cplusplus
}
#endif

#endif
