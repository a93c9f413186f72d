/*
 * fp8.h - launchers of fp8.cu; conventions as in kernels.h
 *
 * An operand of an fp8 product is bf16 x (R,C) as s x, rounded; s is a power of two, the same for the whole
 * tensor, such that the largest magnitude just fits. The product of two operands is multiplied by both 1/s to
 * undo this. NaNs stay NaNs; infinities become NaNs.
 */
#ifndef KERNELS_CUDA_FP8_H
#define KERNELS_CUDA_FP8_H

#include "kernels/cuda/kernels.h"

/* Micikevicius et al. 2022, arXiv:2209.05433. e4m3: to 448, for activations and weights; e5m2: to 57344, for
 * gradients. */
enum fp8 { FP8_E4M3, FP8_E5M2 };

enum { FP8_MULTIPLE = 16 }; /* R and C must be multiples of this, and pointers aligned to as many bytes */

#ifdef __cplusplus
extern "C" {
#endif

/* Writes q (R,C), its transpose t (C,R), or both (one may be NULL), and *unscale = 1/s, in device memory. */
void cuda_fp8_quantise(cudaStream_t s, enum fp8 to, uint8_t *q, uint8_t *t, float *unscale, const void *x,
                       int R, int C, void *scratch);
size_t cuda_fp8_quantise_scratch(void);

#ifdef __cplusplus
}
#endif

#endif
