/*
 * cudnn_graph.h - a graph of operations on tensors, which cuDNN compiles into a kernel or two
 *
 *   cudnn_graph_begin(&g, lib)
 *   q = cudnn_outside(&g, ...); s = cudnn_inside(&g, ...); cudnn_matmul(&g, &q, &k, &s); ...
 *   cudnn_graph_compile(&g, target, err, cap)          may take a second
 *   cudnn_graph_run(&g, handle, pointers, workspace)   any number of times
 *   cudnn_graph_end(&g)
 *
 * Tensors have four dimensions: batch, head, row, column; a dimension of size 1 is broadcast. The first
 * failure is kept: later calls do nothing, and compile reports it. Sums are in f32.
 */
#ifndef KERNELS_CUDA_CUDNN_GRAPH_H
#define KERNELS_CUDA_CUDNN_GRAPH_H

#include "kernels/cuda/cudnn.h"

enum { CUDNN_POINTERS = 16, CUDNN_OPERATIONS = 32, CUDNN_DESCRIPTORS = 160 };

struct cudnn_extent {
    int64_t n[4], stride[4]; /* n: size of each dimension; stride: in elements */
};

struct cudnn_tensor {
    void *descriptor;
    struct cudnn_extent at;
};

struct cudnn_graph {
    const struct cudnn *lib;
    void *descriptor[CUDNN_DESCRIPTORS]; /* every descriptor made so far; owned */
    int n_descriptors;
    void *op[CUDNN_OPERATIONS];
    int n_ops;
    int64_t id[CUDNN_POINTERS]; /* id of each tensor outside the graph */
    int n_ids;
    int64_t inside;    /* id of the last tensor inside the graph */
    void *plan;        /* borrowed: one of the descriptors */
    int64_t workspace; /* bytes of workspace that the plan needs */
    char failure[320];
};

/* The GPU to compile for: that of a handle, or one that is only described (in the JSON that cuDNN itself
 * writes about a device). */
struct cudnn_target {
    void *handle;
    const char *json; /* used when handle is NULL */
};

void cudnn_graph_begin(struct cudnn_graph *g, const struct cudnn *lib);

struct cudnn_extent cudnn_packed(int64_t b, int64_t h, int64_t rows, int64_t columns);
struct cudnn_extent cudnn_transposed(struct cudnn_extent e); /* returns e with rows and columns exchanged */

/* type: DNN_DATA_*. id: 0 to CUDNN_POINTERS - 1, the place of its 16-byte aligned address among the pointers
 * given to run. */
struct cudnn_tensor cudnn_outside(struct cudnn_graph *g, int id, int type, struct cudnn_extent e);
struct cudnn_tensor cudnn_number(struct cudnn_graph *g, int id); /* a single f32 in the host's memory */
struct cudnn_tensor cudnn_inside(struct cudnn_graph *g, int type, struct cudnn_extent e);

/* y = f(x), f(x, b) or f(x, b, t). mode: DNN_POINTWISE_*. math: DNN_DATA_*, the type of the computation. */
void cudnn_pointwise(struct cudnn_graph *g, int mode, int math, const struct cudnn_tensor *x,
                     const struct cudnn_tensor *b, const struct cudnn_tensor *t,
                     const struct cudnn_tensor *y);
/* y (int32) = the index of each element of x along the dimension. */
void cudnn_index(struct cudnn_graph *g, int dimension, const struct cudnn_tensor *x,
                 const struct cudnn_tensor *y);
/* Reduces x over the dimensions in which y has size 1, or over groups of heads where y has fewer. sum_or_max:
 * DNN_REDUCE_TENSOR_*. */
void cudnn_reduce(struct cudnn_graph *g, int sum_or_max, const struct cudnn_tensor *x,
                  const struct cudnn_tensor *y);
/* c = a b, rows of a by columns of b. a or b may have fewer heads than the other: each then serves a group.
 */
void cudnn_matmul(struct cudnn_graph *g, const struct cudnn_tensor *a, const struct cudnn_tensor *b,
                  const struct cudnn_tensor *c);
void cudnn_reshape(struct cudnn_graph *g, const struct cudnn_tensor *x, const struct cudnn_tensor *y);

/* Returns -1 and err (a clause): no kernel for this graph, or an earlier call failed. */
int cudnn_graph_compile(struct cudnn_graph *g, struct cudnn_target target, char *err, size_t cap);
/* pointer: by id. Enqueued on the handle's stream; 0 or cuDNN's status. */
int cudnn_graph_run(struct cudnn_graph *g, void *handle, void *const pointer[CUDNN_POINTERS],
                    void *workspace);
void cudnn_graph_end(struct cudnn_graph *g);

/* Keeps the first failure in g->failure, with the name of the status (0: none) and the library's own words.
 */
void cudnn_graph_fail(struct cudnn_graph *g, int status, const char *what);

#endif
