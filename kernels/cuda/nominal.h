/*
 * nominal.h - rates that makers of GPUs print for dense bf16 products with f32 accumulation
 */
#ifndef KERNELS_CUDA_NOMINAL_H
#define KERNELS_CUDA_NOMINAL_H

/* FLOP/s of a GPU of that name, as its driver says it; 0: not in the list */
double nominal_flops(const char *name);

#endif
