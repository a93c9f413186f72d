/*
 * none.c - stands in for the CUDA backend in builds without nvcc
 */
#include <stdio.h>
#include "kernels/ops.h"

const struct ops *ops_cuda(char *why, size_t cap)
{
    snprintf(why, cap, "these programs were built without it (no nvcc was there)");
    return NULL;
}
