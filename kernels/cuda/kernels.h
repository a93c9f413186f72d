/*
 * kernels.h - the CUDA kernels, as C functions: one launcher for each op of kernels/ops.h except matrix
 * products
 *
 * A launcher enqueues its kernels on the stream and returns; it allocates nothing and never waits, so that
 * all of them can be captured in a graph. Pointers are device memory. Errors of a launch are left for
 * cudaGetLastError. kernels/ops.h describes the meaning, the shapes and whether results overwrite or add,
 * under the same names. `act` is the type of every `void *`.
 *
 * Any size works, and pointers need only the alignment of an element; rows and pointers that are multiples of
 * 16 bytes are faster. Equal inputs give equal bits, always: reductions have a fixed order, no atomics on
 * floats.
 *
 * Scratch: where a launcher takes `scratch`, cuda_*_scratch gives its size in bytes. It is 256-byte aligned
 * device memory whose contents matter only while the launcher's kernels run (kernels later on the same stream
 * may use it again).
 */
#ifndef KERNELS_CUDA_KERNELS_H
#define KERNELS_CUDA_KERNELS_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CUstream_st *cudaStream_t; /* declared as in cuda_runtime_api.h */

void cuda_embedding_forward(cudaStream_t s, enum dtype act, void *x, const void *W, const int32_t *ids, int N,
                            int C);
/* Ids must be in 0..V-1. Sorts the rows by id, sums runs of equal ids in the order of the rows. */
void cuda_embedding_backward(cudaStream_t s, enum dtype act, float *dW, const void *dx, const int32_t *ids,
                             int N, int C, int V, void *scratch);
size_t cuda_embedding_backward_scratch(int N, int C);

void cuda_rmsnorm_forward(cudaStream_t s, enum dtype act, void *y, float *rstd, void *sum, const void *x,
                          const void *delta, const float *g, int N, int C, float eps);
void cuda_rmsnorm_backward(cudaStream_t s, enum dtype act, void *dx, float *dg, const void *dy, const void *x,
                           const float *g, const float *rstd, int N, int C, bool accumulate, void *scratch);
size_t cuda_rmsnorm_backward_scratch(int N, int C);

void cuda_qk_norm_rope_forward(cudaStream_t s, enum dtype act, void *qk, float *rstd,
                               const struct qk_norm_rope *in, float eps);
void cuda_qk_norm_rope_backward(cudaStream_t s, enum dtype act, void *dqkv, float *dgq, float *dgk,
                                const void *dqk, const float *rstd, const struct qk_norm_rope *in,
                                bool accumulate, void *scratch);
size_t cuda_qk_norm_rope_backward_scratch(int N, int H, int Hkv, int D);

void cuda_bias_forward(cudaStream_t s, enum dtype act, void *y, const float *b, int N, int O);
void cuda_bias_backward(cudaStream_t s, enum dtype act, float *db, const void *dy, int N, int O,
                        bool accumulate);

/* linear_forward for a single row. */
void cuda_gemv(cudaStream_t s, enum dtype act, void *y, const void *W, const void *x, int I, int O);

enum { CUDA_WIDEST_HEAD = 256 }; /* largest D of attention */

/* Uses tensor cores where act is bf16, D is 64 or 128 and pointers are 16-byte aligned, and plain f32
 * arithmetic elsewhere. */
void cuda_attention_forward(cudaStream_t s, enum dtype act, void *out, float *lse,
                            const struct attention *in);
void cuda_attention_backward(cudaStream_t s, enum dtype act, void *dqk, void *dqkv, const void *dout,
                             const void *out, const float *lse, const struct attention *in, void *scratch);
size_t cuda_attention_backward_scratch(struct attention_shape shape);

/* past: tokens in the cache before the new ones. Where past_at is not NULL, the kernels read that number
 * there, so that a graph can be replayed with a growing cache; past is then its upper bound and sizes the
 * launch. */
void cuda_attention_cached(cudaStream_t s, enum dtype act, void *out, const void *qk, const void *kcache,
                           const void *vcache, int n, int past, const int32_t *past_at, int H, int Hkv, int D,
                           void *scratch);
size_t cuda_attention_cached_scratch(int n, int past, int H, int Hkv, int D);
void cuda_kv_append(cudaStream_t s, enum dtype act, void *kcache, void *vcache, const void *qk,
                    const void *qkv, int n, int past, const int32_t *past_at, int H, int Hkv, int D);

void cuda_swiglu_forward(cudaStream_t s, enum dtype act, void *y, const void *gate_up, int N, int F);
void cuda_swiglu_backward(cudaStream_t s, enum dtype act, void *dgate_up, const void *dy, const void *gate_up,
                          int N, int F);

void cuda_cross_entropy(cudaStream_t s, enum dtype act, float *loss, void *logits, const int32_t *targets,
                        int N, int V, float scale);

void cuda_to_act(cudaStream_t s, enum dtype act, void *dst, const float *src, size_t n);
void cuda_to_f32(cudaStream_t s, enum dtype act, float *dst, const void *src, size_t n);
void cuda_axpby(cudaStream_t s, enum dtype act, void *y, float a, const void *x, float b, size_t n);

void cuda_axpy(cudaStream_t s, float *y, float a, const float *x, size_t n);
void cuda_scale(cudaStream_t s, float *x, float a, size_t n);
/* Writes *result, one double in device memory. x == y gives the sum of squares. */
void cuda_dot(cudaStream_t s, double *result, const float *x, const float *y, size_t n, void *scratch);
size_t cuda_dot_scratch(size_t n);
/* Writes *squares, the sum of squares: one double in device memory. Scratch: cuda_dot_scratch. */
void cuda_normalise(cudaStream_t s, float *x, double eps, size_t n, double *squares, void *scratch);

void cuda_adamw_step(cudaStream_t s, enum dtype act, float *theta, void *work, float *m, float *v,
                     const float *g, size_t n, struct adamw a);
/* AdamW with m and v in bf16, rounded stochastically. The weights are either f32 in theta, with work as
 * above, or (theta NULL) in work alone, as bf16 and rounded stochastically. Element i takes its random bits
 * from (seed, index + i), so every step needs another seed. */
void cuda_adamw_step_bf16(cudaStream_t s, enum dtype act, float *theta, void *work, uint16_t *m, uint16_t *v,
                          const float *g, size_t n, struct adamw a, uint64_t seed, uint64_t index);

#ifdef __cplusplus
}
#endif

#endif
