/*
 * cuda_runtime_api.h - the few calls of the CUDA runtime that tests need, for the host shim
 *
 * Stands in for NVIDIA's header of that name where kernels are compiled for the host (-Itests/cuda/shim).
 * "Device" memory is a region of the process's own; everything runs at once, in the calling thread.
 */
#ifndef SHIM_CUDA_RUNTIME_API_H
#define SHIM_CUDA_RUNTIME_API_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CUstream_st *cudaStream_t;
typedef enum cudaError { cudaSuccess = 0, cudaErrorMemoryAllocation = 2 } cudaError_t;
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2, cudaMemcpyDeviceToDevice = 3 };

cudaError_t cudaMalloc(void **p, size_t bytes); /* 256-byte aligned, filled with NaNs */
cudaError_t cudaFree(void *p);
cudaError_t cudaMemcpy(void *dst, const void *src, size_t bytes, enum cudaMemcpyKind kind);
cudaError_t cudaDeviceSynchronize(void);
cudaError_t cudaGetLastError(void);
const char *cudaGetErrorString(cudaError_t e);
enum cudaDeviceAttr { cudaDevAttrComputeCapabilityMajor = 75 };
cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr which, int device); /* 9 */

/* Order in which threads of a block and blocks of a grid take turns: 0 ascending, 1 descending, others at
 * random by this seed. */
void shim_order(unsigned seed);

#ifdef __cplusplus
}
#endif

#endif
