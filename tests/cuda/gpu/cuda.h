/*
 * cuda.h - compares each CUDA kernel with the CPU's op of the same name, over one table of cases
 *
 * The same sources are linked with the kernels compiled for the host (tests/cuda/shim: cuda_shim_test) and
 * with those compiled by nvcc (cuda_gpu_test). Every case runs in both types, several times: under the shim
 * each time in another order of the threads. All runs must give the same bits.
 */
#ifndef TESTS_CUDA_CUDA_H
#define TESTS_CUDA_CUDA_H

#include <math.h>
#include <string.h>
#include "kernels/cuda/kernels.h"
#include "kernels/ops.h"
#include "tests/check.h"

struct shape {
    const char *name;
    int B, T, H, Hkv, D, C, F, V;
    int document;    /* documents of about that many tokens; 0: no mask */
    bool misaligned; /* arrays begin one element past a multiple of 16 bytes */
    bool large;      /* for a GPU alone: the shim would take minutes */
};

extern const struct shape *shape;
extern const struct ops *cpu;
extern struct device *cpu_device;
extern enum dtype act;
extern const char *op;

/* An array with equal values in the CPU's memory and in the GPU's; test_end frees both. */
struct array {
    void *host, *device;
    size_t n;
    enum dtype t;
};

void test_start(const char *name);
void test_end(void);
struct array array_new(size_t n, enum dtype t, double scale); /* uniform in -scale .. scale */
struct array act_new(size_t n, double scale);
struct array f32_new(size_t n, double scale);
/* Integers: device and host are int32_t */
struct array ids_new(size_t n, int below);
void array_send(struct array a); /* the host's values to the device */
void *scratch_new(size_t bytes); /* device memory */

/* The device's values against the host's: |got - want| <= relative |want| + absolute max(|want|, 0.01). One
 * rounding of the type is always allowed for: relative is at least 2^-7 (bf16) or 4e-6 (f32). */
void array_check(const char *what, struct array a, double relative, double absolute);
double array_get(struct array a, size_t i); /* the host's */
int below(int n);

void test_vectors(void);
void test_adamw(void);
void test_swiglu(void);
void test_cross_entropy(void);
void test_embedding(void);
void test_gemv(void);
void test_rmsnorm(void);
void test_qk_norm_rope(void);
void test_bias(void);
void test_attention(void);
void test_cached(void);
void test_fp8(void);

#endif
