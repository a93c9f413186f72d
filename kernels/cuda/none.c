/*
 * none.c - in place of the CUDA backend where the build has no nvcc
 */
#include <stdio.h>
#include "kernels/ops.h"

const struct ops *ops_cuda(char *why, size_t cap)
{
    snprintf(why, cap, "these programs were built without it (no nvcc was there)");
    return NULL;
}
