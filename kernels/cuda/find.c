/*
 * find.c - whether the CUDA backend can work on this machine: driver, GPU, compiled code for it, cuBLASLt
 */
#include "kernels/cuda/device.h"

const struct ops *ops_cuda(char *why, size_t cap)
{
    struct gpu g;
    return gpu_find(&g, why, cap) == 0 && products_find(why, cap) == 0 ? &cuda_table : NULL;
}
