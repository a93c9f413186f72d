/*
 * targets.h - which GPUs the compiled targets run on
 *
 * Machine code for sm_XY runs on X.Z with Z >= Y; sm_XYa on X.Y alone.
 */
#ifndef KERNELS_CUDA_TARGETS_H
#define KERNELS_CUDA_TARGETS_H

#include <stdbool.h>

/* targets: a list such as CUDA_ARCH in the Makefile, "80 90a 100 120". */
bool targets_cover(const char *targets, int major, int minor);

#endif
