#include "kernels/cuda/cudnn_graph.h"

#include <stdio.h>
#include <string.h>

enum {
    CANDIDATES = 8,
    FIRST_INSIDE = 1000
}; /* CANDIDATES: plans that are tried. FIRST_INSIDE: tensors inside the graph are numbered from here on */

/* Returns the most informative line of the library's report, which lists all of its engines, most of them for
 * other graphs or GPUs. */
static char *told(char *report)
{
    static const char mark[] = "Reason: ";
    char *first = NULL, *line = report;
    for (; line && *line; line = strchr(line, '\n'), line += line ? 1 : 0) {
        char *end = strchr(line, '\n'), *reason = strstr(line, mark);
        if (!reason || (end && reason > end))
            continue;
        first = first ? first : reason;
        size_t n = (size_t)(reason - line);
        if (!memmem(line, n, "GRAPH_PATTERN", 13) && !memmem(line, n, "ARCH_MISMATCH", 13)) {
            first = reason;
            break;
        }
    }
    first = first ? first + strlen(mark) : report;
    first[strcspn(first, "\n")] = '\0';
    return first;
}

void cudnn_graph_fail(struct cudnn_graph *g, int status, const char *what)
{
    char report[8192] = "";
    if (g->failure[0])
        return;
    g->lib->last_error(report, sizeof report);
    const char *reason = told(report);
    snprintf(g->failure, sizeof g->failure, "%s%s%s%s%s", what, status ? ": " : "",
             status ? g->lib->error_string(status) : "", reason[0] ? ": " : "", reason);
}

static void *make(struct cudnn_graph *g, int type)
{
    void *d = NULL;
    if (g->failure[0])
        return NULL;
    if (g->n_descriptors == CUDNN_DESCRIPTORS) {
        snprintf(g->failure, sizeof g->failure, "more than %d descriptors", CUDNN_DESCRIPTORS);
        return NULL;
    }
    int status = g->lib->descriptor_create(type, &d);
    if (status != 0)
        cudnn_graph_fail(g, status, "descriptor");
    else
        g->descriptor[g->n_descriptors++] = d;
    return d;
}

static void set(struct cudnn_graph *g, void *d, int name, int type, int64_t n, const void *values)
{
    int status = g->failure[0] ? 0 : g->lib->set(d, name, type, n, values);
    if (status != 0)
        cudnn_graph_fail(g, status, "attribute");
}

static void set_one(struct cudnn_graph *g, void *d, int name, int type, int value)
{
    set(g, d, name, type, 1, &value);
}

static void set_descriptor(struct cudnn_graph *g, void *d, int name, void *const *other)
{
    set(g, d, name, DNN_TYPE_BACKEND_DESCRIPTOR, 1, other);
}

static void finish(struct cudnn_graph *g, void *d, const char *what)
{
    int status = g->failure[0] ? 0 : g->lib->finalize(d);
    if (status != 0)
        cudnn_graph_fail(g, status, what);
}

static void finish_op(struct cudnn_graph *g, void *d, const char *what)
{
    finish(g, d, what);
    if (g->n_ops < CUDNN_OPERATIONS)
        g->op[g->n_ops++] = d;
    else if (!g->failure[0])
        snprintf(g->failure, sizeof g->failure, "more than %d operations", CUDNN_OPERATIONS);
}

void cudnn_graph_begin(struct cudnn_graph *g, const struct cudnn *lib)
{
    *g = (struct cudnn_graph){.lib = lib, .inside = FIRST_INSIDE};
}

void cudnn_graph_end(struct cudnn_graph *g)
{
    while (g->n_descriptors > 0)
        g->lib->descriptor_destroy(g->descriptor[--g->n_descriptors]);
    g->plan = NULL;
}

/* ---- tensors ---- */

struct cudnn_extent cudnn_packed(int64_t b, int64_t h, int64_t rows, int64_t columns)
{
    return (struct cudnn_extent){{b, h, rows, columns}, {h * rows * columns, rows * columns, columns, 1}};
}

struct cudnn_extent cudnn_transposed(struct cudnn_extent e)
{
    struct cudnn_extent t = e;
    t.n[2] = e.n[3];
    t.n[3] = e.n[2];
    t.stride[2] = e.stride[3];
    t.stride[3] = e.stride[2];
    return t;
}

static struct cudnn_tensor tensor(struct cudnn_graph *g, int64_t id, int type, struct cudnn_extent e,
                                  bool inside, bool number)
{
    struct cudnn_tensor t = {make(g, DNN_BACKEND_TENSOR_DESCRIPTOR), e};
    int64_t alignment = 16;
    set_one(g, t.descriptor, DNN_ATTR_TENSOR_DATA_TYPE, DNN_TYPE_DATA_TYPE, type);
    set(g, t.descriptor, DNN_ATTR_TENSOR_DIMENSIONS, DNN_TYPE_INT64, 4, e.n);
    set(g, t.descriptor, DNN_ATTR_TENSOR_STRIDES, DNN_TYPE_INT64, 4, e.stride);
    set(g, t.descriptor, DNN_ATTR_TENSOR_UNIQUE_ID, DNN_TYPE_INT64, 1, &id);
    set(g, t.descriptor, DNN_ATTR_TENSOR_BYTE_ALIGNMENT, DNN_TYPE_INT64, 1, &alignment);
    set(g, t.descriptor, DNN_ATTR_TENSOR_IS_VIRTUAL, DNN_TYPE_BOOLEAN, 1, &inside);
    set(g, t.descriptor, DNN_ATTR_TENSOR_IS_BY_VALUE, DNN_TYPE_BOOLEAN, 1, &number);
    finish(g, t.descriptor, "tensor");
    if (!inside && g->n_ids < CUDNN_POINTERS)
        g->id[g->n_ids++] = id;
    else if (!inside && !g->failure[0])
        snprintf(g->failure, sizeof g->failure, "more than %d tensors outside", CUDNN_POINTERS);
    return t;
}

struct cudnn_tensor cudnn_outside(struct cudnn_graph *g, int id, int type, struct cudnn_extent e)
{
    return tensor(g, id, type, e, false, false);
}

struct cudnn_tensor cudnn_number(struct cudnn_graph *g, int id)
{
    return tensor(g, id, DNN_DATA_FLOAT, cudnn_packed(1, 1, 1, 1), false, true);
}

struct cudnn_tensor cudnn_inside(struct cudnn_graph *g, int type, struct cudnn_extent e)
{
    return tensor(g, ++g->inside, type, e, true, false);
}

/* ---- operations ---- */

/* Finalizes the descriptor `how` of an operation, and begins the operation itself. */
static void *begin_op(struct cudnn_graph *g, void *how, int type, int how_name, const char *what)
{
    finish(g, how, what);
    void *op = make(g, type);
    set_descriptor(g, op, how_name, &how);
    return op;
}

static void pointwise(struct cudnn_graph *g, int mode, int math, int64_t dimension,
                      const struct cudnn_tensor *x, const struct cudnn_tensor *b,
                      const struct cudnn_tensor *t, const struct cudnn_tensor *y)
{
    void *how = make(g, DNN_BACKEND_POINTWISE_DESCRIPTOR);
    set_one(g, how, DNN_ATTR_POINTWISE_MODE, DNN_TYPE_POINTWISE_MODE, mode);
    set_one(g, how, DNN_ATTR_POINTWISE_MATH_PREC, DNN_TYPE_DATA_TYPE, math);
    if (dimension >= 0)
        set(g, how, DNN_ATTR_POINTWISE_AXIS, DNN_TYPE_INT64, 1, &dimension);
    void *op = begin_op(g, how, DNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR,
                        DNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, "pointwise operation");
    set_descriptor(g, op, DNN_ATTR_OPERATION_POINTWISE_XDESC, &x->descriptor);
    if (b)
        set_descriptor(g, op, DNN_ATTR_OPERATION_POINTWISE_BDESC, &b->descriptor);
    if (t)
        set_descriptor(g, op, DNN_ATTR_OPERATION_POINTWISE_TDESC, &t->descriptor);
    set_descriptor(g, op, DNN_ATTR_OPERATION_POINTWISE_YDESC, &y->descriptor);
    finish_op(g, op, "pointwise operation");
}

void cudnn_pointwise(struct cudnn_graph *g, int mode, int math, const struct cudnn_tensor *x,
                     const struct cudnn_tensor *b, const struct cudnn_tensor *t, const struct cudnn_tensor *y)
{
    pointwise(g, mode, math, -1, x, b, t, y);
}

void cudnn_index(struct cudnn_graph *g, int dimension, const struct cudnn_tensor *x,
                 const struct cudnn_tensor *y)
{
    pointwise(g, DNN_POINTWISE_GEN_INDEX, DNN_DATA_INT32, dimension, x, NULL, NULL, y);
}

void cudnn_reduce(struct cudnn_graph *g, int sum_or_max, const struct cudnn_tensor *x,
                  const struct cudnn_tensor *y)
{
    void *how = make(g, DNN_BACKEND_REDUCTION_DESCRIPTOR);
    set_one(g, how, DNN_ATTR_REDUCTION_OPERATOR, DNN_TYPE_REDUCTION_OPERATOR_TYPE, sum_or_max);
    set_one(g, how, DNN_ATTR_REDUCTION_COMP_TYPE, DNN_TYPE_DATA_TYPE, DNN_DATA_FLOAT);
    void *op = begin_op(g, how, DNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR, DNN_ATTR_OPERATION_REDUCTION_DESC,
                        "reduction");
    set_descriptor(g, op, DNN_ATTR_OPERATION_REDUCTION_XDESC, &x->descriptor);
    set_descriptor(g, op, DNN_ATTR_OPERATION_REDUCTION_YDESC, &y->descriptor);
    finish_op(g, op, "reduction");
}

void cudnn_matmul(struct cudnn_graph *g, const struct cudnn_tensor *a, const struct cudnn_tensor *b,
                  const struct cudnn_tensor *c)
{
    void *how = make(g, DNN_BACKEND_MATMUL_DESCRIPTOR);
    set_one(g, how, DNN_ATTR_MATMUL_COMP_TYPE, DNN_TYPE_DATA_TYPE, DNN_DATA_FLOAT);
    void *op = begin_op(g, how, DNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR, DNN_ATTR_OPERATION_MATMUL_DESC,
                        "matrix product");
    set_descriptor(g, op, DNN_ATTR_OPERATION_MATMUL_ADESC, &a->descriptor);
    set_descriptor(g, op, DNN_ATTR_OPERATION_MATMUL_BDESC, &b->descriptor);
    set_descriptor(g, op, DNN_ATTR_OPERATION_MATMUL_CDESC, &c->descriptor);
    finish_op(g, op, "matrix product");
}

void cudnn_reshape(struct cudnn_graph *g, const struct cudnn_tensor *x, const struct cudnn_tensor *y)
{
    void *d = make(g, DNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR);
    set_descriptor(g, d, DNN_ATTR_OPERATION_RESHAPE_XDESC, &x->descriptor);
    set_descriptor(g, d, DNN_ATTR_OPERATION_RESHAPE_YDESC, &y->descriptor);
    finish_op(g, d, "reshape");
}

/* ---- plans ---- */

static void *describe_target(struct cudnn_graph *g, struct cudnn_target target)
{
    if (target.handle)
        return NULL;
    void *d = make(g, DNN_BACKEND_DEVICEPROP_DESCRIPTOR);
    set(g, d, DNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, DNN_TYPE_CHAR, (int64_t)strlen(target.json),
        target.json);
    finish(g, d, "description of a GPU");
    return d;
}

/* Asks the library for ways to compute the graph, in the order of its preference. */
static int64_t ask(struct cudnn_graph *g, void *graph, void *device, void **found)
{
    int64_t n = 0;
    void *heuristic = make(g, DNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    set_descriptor(g, heuristic, DNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, &graph);
    set_one(g, heuristic, DNN_ATTR_ENGINEHEUR_MODE, DNN_TYPE_HEUR_MODE, DNN_HEUR_MODE_A);
    if (device)
        set_descriptor(g, heuristic, DNN_ATTR_ENGINEHEUR_DEVICEPROP, &device);
    finish(g, heuristic, "heuristic");
    for (int i = 0; i < CANDIDATES; i++)
        found[i] = make(g, DNN_BACKEND_ENGINECFG_DESCRIPTOR);
    if (g->failure[0] || g->lib->get(heuristic, DNN_ATTR_ENGINEHEUR_RESULTS, DNN_TYPE_BACKEND_DESCRIPTOR,
                                     CANDIDATES, &n, found) != 0)
        return 0;
    return n;
}

/* Takes the first way that can be compiled. One that cannot is no failure of the graph. */
static void plan(struct cudnn_graph *g, struct cudnn_target target, void *device, void *const *ways,
                 int64_t n)
{
    for (int64_t i = 0; i < n && !g->plan && !g->failure[0]; i++) {
        void *d = make(g, DNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
        int64_t count;
        if (device)
            set_descriptor(g, d, DNN_ATTR_EXECUTION_PLAN_DEVICEPROP, &device);
        else
            set(g, d, DNN_ATTR_EXECUTION_PLAN_HANDLE, DNN_TYPE_HANDLE, 1, &target.handle);
        set_descriptor(g, d, DNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, &ways[i]);
        if (!g->failure[0] && g->lib->finalize(d) == 0 &&
            g->lib->get(d, DNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, DNN_TYPE_INT64, 1, &count,
                        &g->workspace) == 0)
            g->plan = d;
    }
}

int cudnn_graph_compile(struct cudnn_graph *g, struct cudnn_target target, char *err, size_t cap)
{
    void *ways[CANDIDATES], *device = describe_target(g, target);
    void *graph = make(g, DNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    set(g, graph, DNN_ATTR_OPERATIONGRAPH_OPS, DNN_TYPE_BACKEND_DESCRIPTOR, g->n_ops, g->op);
    if (target.handle)
        set(g, graph, DNN_ATTR_OPERATIONGRAPH_HANDLE, DNN_TYPE_HANDLE, 1, &target.handle);
    finish(g, graph, "graph");
    plan(g, target, device, ways, ask(g, graph, device, ways));
    if (g->plan)
        return 0;
    cudnn_graph_fail(g, 0, "no kernel");
    snprintf(err, cap, "%s", g->failure);
    return -1;
}

int cudnn_graph_run(struct cudnn_graph *g, void *handle, void *const pointer[CUDNN_POINTERS], void *workspace)
{
    const struct cudnn *lib = g->lib;
    void *pack, *p[CUDNN_POINTERS];
    for (int i = 0; i < g->n_ids; i++)
        p[i] = pointer[g->id[i]];
    int status = lib->descriptor_create(DNN_BACKEND_VARIANT_PACK_DESCRIPTOR, &pack);
    if (status != 0)
        return status;
    if ((status = lib->set(pack, DNN_ATTR_VARIANT_PACK_UNIQUE_IDS, DNN_TYPE_INT64, g->n_ids, g->id)) == 0 &&
        (status = lib->set(pack, DNN_ATTR_VARIANT_PACK_DATA_POINTERS, DNN_TYPE_VOID_PTR, g->n_ids, p)) == 0 &&
        (status = lib->set(pack, DNN_ATTR_VARIANT_PACK_WORKSPACE, DNN_TYPE_VOID_PTR, 1, &workspace)) == 0 &&
        (status = lib->finalize(pack)) == 0)
        status = lib->execute(handle, g->plan, pack);
    lib->descriptor_destroy(pack);
    return status;
}
