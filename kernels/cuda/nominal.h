/*
 * nominal.h - rates that makers of GPUs print for dense bf16 products with f32 accumulation
 */
#ifndef KERNELS_CUDA_NOMINAL_H
#define KERNELS_CUDA_NOMINAL_H

/* Returns FLOP/s of a GPU by the name that its driver reports; 0: not in the list. */
double nominal_flops(const char *name);

#endif
