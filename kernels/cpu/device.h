/*
 * device.h - the CPU backend's state, shared by the files of this directory
 */
#ifndef KERNELS_CPU_DEVICE_H
#define KERNELS_CPU_DEVICE_H

#include <assert.h>
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include "kernels/ops.h"

enum scratch_slot {
    SCRATCH_PARTIAL, /* partial sums of a reduction */
    SCRATCH_TILES,   /* attention: tiles of each thread */
    SCRATCH_PRODUCT, /* oneDNN's own scratch */
    SCRATCH_A,
    SCRATCH_B,
    SCRATCH_C,         /* f32 copies of operands */
    SCRATCH_INT8_WIDE, /* int8.c: rows of a matrix as activations */
    SCRATCH_INT8_SUMS, /* int8.c: their products, before they are scaled */
    SCRATCH_SLOTS
};

struct matmul_cache;

struct device {
    enum dtype act;
    int threads;
    bool bf16_products; /* the CPU multiplies bf16 matrices itself, without conversion to f32 */
    bool bf16_dot;      /* our own code may use bf16 dot products: vdpbf16ps (tile.h) */
    bool own_products;  /* gemm.c is faster than oneDNN on this machine */
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    struct matmul_cache *matmuls;
    void *room; /* DEVICE_ROOM bytes of addresses, held until the first product */
    struct {
        void *p;
        size_t bytes;
    } scratch[SCRATCH_SLOTS];
    char text[96];
};

/* oneDNN crashes when it finds no memory for the code that it generates. Therefore the addresses for it are
 * reserved when the device is opened, which can fail with a message, and released when the first product is
 * made: by then all large arrays have been allocated, or refused. A training step of some 30 products needed
 * 12 MB. */
enum { DEVICE_ROOM = 32 << 20 };
void device_room_release(struct device *dev);

/* Returns at least that many bytes, 64-byte aligned, with undefined contents, valid until the next call for
 * that slot. A slot grows during the first step and never after. Aborts when there is no memory, since an op
 * cannot fail. */
void *device_scratch(struct device *dev, enum scratch_slot slot, size_t bytes);

/* Rows [*lo, *hi) of n that thread t of `threads` works on: the fixed partition of every reduction. */
static inline void device_share(int n, int t, int threads, int *lo, int *hi)
{
    *lo = (int)((int64_t)n * t / threads);
    *hi = (int)((int64_t)n * (t + 1) / threads);
}

struct matmul_cache *matmul_cache_new(void);
void matmul_cache_free(struct matmul_cache *cache);

/* Calls body with the element type as a constant, so that each type gets its own code. */
#define FOR_ACT(dev, body, ...)                                                                              \
    do {                                                                                                     \
        if ((dev)->act == DTYPE_BF16)                                                                        \
            body(__VA_ARGS__, DTYPE_BF16);                                                                   \
        else                                                                                                 \
            body(__VA_ARGS__, DTYPE_F32);                                                                    \
    } while (0)

/* Element i of an array of activations. */
static inline void *act_at(const void *p, size_t i, enum dtype t)
{
    return (char *)(uintptr_t)p + i * dtype_bytes(t);
}

#endif
