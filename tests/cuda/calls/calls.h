/*
 * calls.h - cuda_calls_test: what gpu.c and cublaslt.c make of calls that fail
 *
 * The linker gives them this program's functions for some of the CUDA runtime's, and for those that open a
 * library (--wrap). No GPU is needed.
 */
#ifndef TESTS_CUDA_CALLS_CALLS_H
#define TESTS_CUDA_CALLS_CALLS_H

#include <cuda_runtime_api.h>

#include "kernels/cuda/gpu.h"

#define WRAPPED(f) __typeof__(f) __wrap_##f

void test_products(void);
void test_recordings(void);

#endif
