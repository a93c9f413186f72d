/*
 * cudnn_graph.h - a graph of operations on tensors, which cuDNN compiles into a kernel or two
 *
 *   cudnn_graph_begin(&g, lib)
 *   q = cudnn_outside(&g, ...); s = cudnn_inside(&g, ...); cudnn_matmul(&g, &q, &k, &s); ...
 *   cudnn_graph_compile(&g, target, err, cap)          may take a second
 *   cudnn_graph_run(&g, handle, pointers, workspace)   any number of times
 *   cudnn_graph_end(&g)
 *
 * Tensors have four dimensions: batch, head, row, column; one of 1 is broadcast. The first failure is kept,
 * what follows does nothing, and compile tells it. Sums are in f32.
 */
#ifndef KERNELS_CUDA_CUDNN_GRAPH_H
#define KERNELS_CUDA_CUDNN_GRAPH_H

#include "kernels/cuda/cudnn.h"

enum { CUDNN_POINTERS = 16, CUDNN_OPERATIONS = 32, CUDNN_DESCRIPTORS = 160 };

struct cudnn_extent {
    int64_t n[4], stride[4]; /* stride: elements */
};

struct cudnn_tensor {
    void *descriptor;
    struct cudnn_extent at;
};

struct cudnn_graph {
    const struct cudnn *lib;
    void *descriptor[CUDNN_DESCRIPTORS]; /* all, owned */
    int n_descriptors;
    void *op[CUDNN_OPERATIONS];
    int n_ops;
    int64_t id[CUDNN_POINTERS]; /* of what lies outside */
    int n_ids;
    int64_t inside;    /* number of the last tensor inside */
    void *plan;        /* one of the descriptors */
    int64_t workspace; /* bytes */
    char failure[320];
};

/* Whom to compile for: the GPU of a handle, or one that is only described (as cuDNN describes devices, in
 * JSON). */
struct cudnn_target {
    void *handle;
    const char *json; /* with handle NULL */
};

void cudnn_graph_begin(struct cudnn_graph *g, const struct cudnn *lib);

struct cudnn_extent cudnn_packed(int64_t b, int64_t h, int64_t rows, int64_t columns);
struct cudnn_extent cudnn_transposed(struct cudnn_extent e); /* rows and columns exchanged */

/* type: DNN_DATA_*. id: 0 to CUDNN_POINTERS - 1, the place of its address among the pointers of run, 16-byte
 * aligned */
struct cudnn_tensor cudnn_outside(struct cudnn_graph *g, int id, int type, struct cudnn_extent e);
struct cudnn_tensor cudnn_number(struct cudnn_graph *g, int id); /* one f32, in the host's memory */
struct cudnn_tensor cudnn_inside(struct cudnn_graph *g, int type, struct cudnn_extent e);

/* y = f(x), f(x, b) or f(x, b, t); mode: DNN_POINTWISE_*, computed as math: DNN_DATA_* */
void cudnn_pointwise(struct cudnn_graph *g, int mode, int math, const struct cudnn_tensor *x,
                     const struct cudnn_tensor *b, const struct cudnn_tensor *t,
                     const struct cudnn_tensor *y);
/* y, int32: index of each element of x along the dimension */
void cudnn_index(struct cudnn_graph *g, int dimension, const struct cudnn_tensor *x,
                 const struct cudnn_tensor *y);
/* Over the dimensions in which y is 1, or of as many fewer heads as x has groups. sum_or_max:
 * DNN_REDUCE_TENSOR_* */
void cudnn_reduce(struct cudnn_graph *g, int sum_or_max, const struct cudnn_tensor *x,
                  const struct cudnn_tensor *y);
/* c = a b, rows of a by columns of b; b, or a, may have fewer heads: each serves a group of the other's */
void cudnn_matmul(struct cudnn_graph *g, const struct cudnn_tensor *a, const struct cudnn_tensor *b,
                  const struct cudnn_tensor *c);
void cudnn_reshape(struct cudnn_graph *g, const struct cudnn_tensor *x, const struct cudnn_tensor *y);

/* -1 and err (a clause): no kernel for this graph, or something failed before. */
int cudnn_graph_compile(struct cudnn_graph *g, struct cudnn_target target, char *err, size_t cap);
/* pointer: by id. Enqueued on the handle's stream; 0 or cuDNN's status. */
int cudnn_graph_run(struct cudnn_graph *g, void *handle, void *const pointer[CUDNN_POINTERS],
                    void *workspace);
void cudnn_graph_end(struct cudnn_graph *g);

/* Keeps in g->failure, if there is none yet, what failed: with the name of the status (0: none) and the
 * library's own words. */
void cudnn_graph_fail(struct cudnn_graph *g, int status, const char *what);

#endif
