/*
 * cudnn_attention.h - attention by cuDNN: operands as in kernels.h, but bf16 alone and no document masks
 *
 * A plan is compiled when a shape is first asked for: this takes the host half a second, and is not done
 * while calls are recorded. The gradient of q is summed in no fixed order, so equal inputs do not give equal
 * bits.
 */
#ifndef KERNELS_CUDA_CUDNN_ATTENTION_H
#define KERNELS_CUDA_CUDNN_ATTENTION_H

#include "kernels/cuda/cudnn_graph.h"
#include "kernels/cuda/kernels.h"

/* The oldest usable version, 9.10.2: from 9.10 on minus infinity hides a key, and the first two releases of
 * 9.10 compute wrong attention (NVIDIA's frontend refuses them). */
enum { CUDNN_OLDEST = 91002 };

struct cudnn_attention; /* holds the library, its handle and the plans */

struct cudnn_attention *cudnn_attention_open(cudaStream_t s, char *err,
                                             size_t cap); /* NULL and err (a clause) on failure */
void cudnn_attention_close(struct cudnn_attention *a);
const char *cudnn_attention_describe(const struct cudnn_attention *a); /* "cuDNN 9.19.0" */

/* Builds the graph and compiles it for any target; open and takes do this for the GPU at hand. -1 and err (a
 * clause) on failure. */
int cudnn_attention_compile(struct cudnn_graph *g, const struct cudnn *lib, struct cudnn_target target,
                            struct attention_shape s, bool backward, char *err, size_t cap);

/* Returns true when there is a plan for the shape, which needs *scratch bytes of scratch; otherwise false and
 * why (a clause), which stays valid until close. */
bool cudnn_attention_takes(struct cudnn_attention *a, struct attention_shape s, bool backward,
                           size_t *scratch, const char **why);

/* Only for shapes that cudnn_attention_takes accepted, with pointers that are 16-byte aligned. Both return
 * false when the library refused; error then tells the reason, until close. */
bool cudnn_attention_forward(struct cudnn_attention *a, void *out, float *lse, const void *qk,
                             const void *qkv, struct attention_shape s, void *scratch);
bool cudnn_attention_backward(struct cudnn_attention *a, void *dqk, void *dqkv, const void *dout,
                              const void *out, const float *lse, const void *qk, const void *qkv,
                              struct attention_shape s, void *scratch);
const char *cudnn_attention_error(const struct cudnn_attention *a);

#endif
