/*
 * cudnn_attention.h - the attention of kernels.h by cuDNN: the same operands, no document masks, bf16
 *
 * A plan is compiled for each shape at its first question: half a second of the host, and not while calls are
 * recorded. The gradient of q is summed in no fixed order: equal inputs do not give equal bits.
 */
#ifndef KERNELS_CUDA_CUDNN_ATTENTION_H
#define KERNELS_CUDA_CUDNN_ATTENTION_H

#include "kernels/cuda/cudnn_graph.h"
#include "kernels/cuda/kernels.h"

/* 9.10.2: from 9.10 on minus infinity hides a key, and its first two releases compute wrong attention
 * (NVIDIA's frontend refuses them). */
enum { CUDNN_OLDEST = 91002 };

struct cudnn_attention; /* the library, its handle, the plans */

struct cudnn_attention *cudnn_attention_open(cudaStream_t s, char *err,
                                             size_t cap); /* NULL and err (a clause) */
void cudnn_attention_close(struct cudnn_attention *a);
const char *cudnn_attention_describe(const struct cudnn_attention *a); /* "cuDNN 9.19.0" */

/* What open and takes do with a GPU, for any: begins the graph and compiles it. -1 and err (a clause). */
int cudnn_attention_compile(struct cudnn_graph *g, const struct cudnn *lib, struct cudnn_target target,
                            struct attention_shape s, bool backward, char *err, size_t cap);

/* Whether there is a plan for the shape, with *scratch bytes of scratch; otherwise why (a clause), which
 * stays until close. */
bool cudnn_attention_takes(struct cudnn_attention *a, struct attention_shape s, bool backward,
                           size_t *scratch, const char **why);

/* Of shapes that are taken, with pointers that are 16-byte aligned. false: the library refused, and error
 * tells why until close. */
bool cudnn_attention_forward(struct cudnn_attention *a, void *out, float *lse, const void *qk,
                             const void *qkv, struct attention_shape s, void *scratch);
bool cudnn_attention_backward(struct cudnn_attention *a, void *dqk, void *dqkv, const void *dout,
                              const void *out, const float *lse, const void *qk, const void *qkv,
                              struct attention_shape s, void *scratch);
const char *cudnn_attention_error(const struct cudnn_attention *a);

#endif
