/*
 * shim.h - what the shim's own files share: the running block, and the checks on memory
 *
 * A block's threads are fibers in one OS thread. A fiber runs until it waits: at __syncthreads for all
 * threads of the block that have not ended, at a warp-wide operation for all lanes. Blocks run one after
 * another.
 *
 * Every access of a kernel to memory is seen (check.cpp), so these end the program with a message:
 *   outside of an allocation, misaligned, shared memory read before it is written
 *   two threads touch the same bytes, one writes, and no barrier orders them (a __syncwarp within a warp;
 * shuffles and mma order nothing) two blocks of one launch touch the same bytes and one writes a kernel that
 * is launched early touches device memory, or ends, before it has awaited the one before threads wait at
 * different barriers, lanes at different operations, or somebody waits for ever
 */
#ifndef SHIM_SHIM_H
#define SHIM_SHIM_H

#include <stddef.h>
#include <stdint.h>

enum { SHIM_LANES = 32, SHIM_MAX_THREADS = 1024, SHIM_MAX_SHARED = 99 << 10, SHIM_SLOT = 64 };

struct shim_uint3 {
    unsigned x, y, z;
};

/* CUDA's built-in variables, of the thread that runs */
extern struct shim_uint3 threadIdx, blockIdx, blockDim, gridDim;

/* ---- block.cpp ---- */

typedef void shim_body(void *arguments);

/* arguments: plain bytes, copied where the launch is kept for later (graph.h). early: every thread has to
 * shim_await. */
void shim_run(const char *kernel, bool early, struct shim_uint3 grid, struct shim_uint3 block, size_t shared,
              shim_body *body, const void *arguments, size_t bytes);
void shim_await(void);
bool shim_awaited(void); /* the running thread did, or need not */
void shim_prefetch(const void *p, unsigned bytes);
void shim_allow_shared(const void *kernel, size_t bytes);
[[noreturn]] void shim_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void shim_syncthreads(const char *file, int line);
void shim_syncwarp(void);
/* Waits until all lanes of the warp are in the same operation `op`; returns what each gave, SHIM_SLOT bytes a
 * lane. */
const unsigned char *shim_exchange(int op, const void *mine, size_t bytes);
void *shim_dynamic_shared(void);
void *shim_static_shared(const void *key, size_t bytes);
bool shim_running(void);    /* in a kernel now */
unsigned shim_thread(void); /* its index in the block */
void shim_cp_async(void *shared, const void *global,
                   unsigned bytes); /* 16 bytes; those after `bytes` are zeros */
void shim_cp_commit(void);
void shim_cp_wait(unsigned pending);

/* ---- warp.cpp: the layouts are said in kernels/cuda/platform.cuh ---- */

void shim_ldmatrix(unsigned *d, const void *p, bool transposed);
void shim_mma_bf16(float *d, const unsigned *a, unsigned b0, unsigned b1);

/* ---- check.cpp ---- */

extern unsigned char *shim_shared_base, *shim_arena_base;
enum : size_t { SHIM_ARENA = (size_t)1 << 30 };

/* Times that order accesses: a barrier of the block, or of the warp, begins a new one. */
struct shim_clock {
    uint32_t launch, block, now; /* first time of this launch, of this block; the present */
    uint32_t warp[SHIM_MAX_THREADS / SHIM_LANES];
};
extern struct shim_clock shim_clock;

void shim_touch(const void *p, size_t bytes,
                bool write); /* checks and notes an access by the running thread */
void shim_touch_aligned(const void *p, size_t bytes, bool write);
/* Bytes at offset of shared memory become accessible; the others are not. */
void shim_shared_extent(size_t offset, size_t bytes);
void shim_shared_reset(void);

#endif
