/*
 * cudnn.c - the twin of ../cudnn.c for tests: it does the operations of a graph one by one, on whole tensors
 * in f32
 *
 * It says what a graph computes, whatever cuDNN's kernels are; whether cuDNN takes the graph is the test
 * cudnn_plans' to say.
 */
#include "kernels/cuda/cudnn.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/cuda/shim/graph.h"

enum { ATTRIBUTES = 10, TENSORS = 64, WORKSPACE = 1000 };

struct attribute {
    int name;
    int64_t n;
    char *bytes;
};

struct descriptor {
    int type;
    bool final;
    struct attribute a[ATTRIBUTES];
    int n;
};

/* ---- descriptors ---- */

static const int sizes[] = {
    [DNN_TYPE_HANDLE] = 8,         [DNN_TYPE_DATA_TYPE] = 4,          [DNN_TYPE_BOOLEAN] = 1,
    [DNN_TYPE_INT64] = 8,          [DNN_TYPE_VOID_PTR] = 8,           [DNN_TYPE_HEUR_MODE] = 4,
    [DNN_TYPE_POINTWISE_MODE] = 4, [DNN_TYPE_BACKEND_DESCRIPTOR] = 8, [DNN_TYPE_REDUCTION_OPERATOR_TYPE] = 4};

static size_t version(void)
{
    return shim_faulty() == SHIM_CUDNN_OLD ? 91001 : shim_faulty() == SHIM_CUDNN_BEFORE_16 ? 91501 : 91900;
}

static int create(void **handle)
{
    *handle = malloc(1);
    return *handle ? 0 : 1;
}

static int destroy(void *handle)
{
    free(handle);
    return 0;
}

static int set_stream(void *handle, void *stream)
{
    (void)stream;
    return handle ? 0 : 1;
}

static const char *error_string(int status)
{
    return status == 0 ? "SUCCESS" : "NOT_SUPPORTED";
}

static void last_error(char *text, size_t cap)
{
    snprintf(text, cap,
             "{way 1}\nWarning: GRAPH_PATTERN; Reason: of other graphs\nWarning: NOT_SUPPORTED; Reason: the "
             "twin's reason\nReason: of all\n");
}

static int descriptor_create(int type, void **out)
{
    struct descriptor *d = calloc(1, sizeof *d);
    d->type = type;
    *out = d;
    return 0;
}

static int descriptor_destroy(void *descriptor)
{
    struct descriptor *d = descriptor;
    for (int i = 0; i < d->n; i++)
        free(d->a[i].bytes);
    free(d);
    return 0;
}

static struct attribute *find(const struct descriptor *d, int name)
{
    for (int i = 0; i < d->n; i++)
        if (d->a[i].name == name)
            return (struct attribute *)&d->a[i];
    return NULL;
}

static int set(void *descriptor, int name, int type, int64_t n, const void *values)
{
    struct descriptor *d = descriptor;
    size_t bytes = (size_t)n * (size_t)sizes[type];
    if (d->final || d->n == ATTRIBUTES || find(d, name) || bytes == 0)
        return 1;
    struct attribute *a = &d->a[d->n++];
    *a = (struct attribute){name, n, malloc(bytes)};
    memcpy(a->bytes, values, bytes);
    return 0;
}

static void *other(const struct descriptor *d, int name)
{
    struct attribute *a = find(d, name);
    void *p = NULL;
    if (a)
        memcpy(&p, a->bytes, sizeof p);
    return p;
}

static int64_t number(const struct descriptor *d, int name)
{
    struct attribute *a = find(d, name);
    int i;
    memcpy(&i, a->bytes, sizeof i);
    return i;
}

static int64_t *numbers(const struct descriptor *d, int name)
{
    return (int64_t *)(void *)find(d, name)->bytes;
}

/* The one way to do a graph is the heuristic's first. */
static int get(void *descriptor, int name, int type, int64_t most, int64_t *n, void *values)
{
    (void)type;
    if (most < 1)
        return 1;
    *n = 1;
    if (name == DNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE)
        *(int64_t *)values = WORKSPACE;
    else if (name == DNN_ATTR_ENGINEHEUR_RESULTS && shim_faulty() == SHIM_CUDNN_NO_PLAN)
        *n = 0;
    else if (name == DNN_ATTR_ENGINEHEUR_RESULTS)
        return set(*(void **)values, DNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, DNN_TYPE_BACKEND_DESCRIPTOR, 1,
                   find(descriptor, DNN_ATTR_ENGINEHEUR_OPERATION_GRAPH)->bytes);
    else
        return 1;
    return 0;
}

/* A descriptor is finalized only after the descriptors that it is made of. */
static int finalize(void *descriptor)
{
    struct descriptor *d = descriptor;
    struct attribute *ops = find(d, DNN_ATTR_OPERATIONGRAPH_OPS);
    if (d->type == DNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR)
        shim_not_in_capture("compiles a plan");
    for (int64_t i = 0; ops && i < ops->n; i++)
        if (!((struct descriptor **)(void *)ops->bytes)[i]->final)
            return 1;
    if (d->final)
        return 1;
    d->final = true;
    return 0;
}

/* ---- tensors ---- */

/* All of a tensor, packed. */
struct value {
    const struct descriptor *of;
    const int64_t *n;
    float *v;
};

struct call {
    const struct descriptor *plan;
    int64_t n, id[16];
    void *pointer[16];
    float number[16]; /* the host's numbers, if the value is a number */
};

static bool flag(const struct descriptor *t, int name)
{
    return *find(t, name)->bytes;
}

static size_t place(const int64_t *i, const int64_t *stride)
{
    return (size_t)(i[0] * stride[0] + i[1] * stride[1] + i[2] * stride[2] + i[3] * stride[3]);
}

static float bf16(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* Calls f for every index of n. */
#define EACH(i, n)                                                                                           \
    for (int64_t i[4] = {0}; i[0] < (n)[0]; i[0]++)                                                          \
        for (i[1] = 0; i[1] < (n)[1]; i[1]++)                                                                \
            for (i[2] = 0; i[2] < (n)[2]; i[2]++)                                                            \
                for (i[3] = 0; i[3] < (n)[3]; i[3]++)

static size_t packed(const int64_t *n, const int64_t *i)
{
    return (size_t)(((i[0] * n[1] + i[1]) * n[2] + i[2]) * n[3] + i[3]);
}

static int argument(const struct call *c, const struct descriptor *t)
{
    int64_t id = numbers(t, DNN_ATTR_TENSOR_UNIQUE_ID)[0];
    for (int k = 0; k < c->n; k++)
        if (c->id[k] == id && (flag(t, DNN_ATTR_TENSOR_IS_BY_VALUE) || ((uintptr_t)c->pointer[k] & 15) == 0))
            return k;
    fprintf(stderr, "shim: cuDNN: no pointer for tensor %lld, or it is not aligned\n", (long long)id);
    abort();
}

/* The value of t so far; what lies outside is read at its first use. */
static struct value *value_of(struct value *all, const struct call *c, const struct descriptor *t)
{
    struct value *x = all;
    while (x->of && x->of != t)
        x++;
    if (x->of)
        return x;
    x->of = t;
    x->n = numbers(t, DNN_ATTR_TENSOR_DIMENSIONS);
    x->v = calloc((size_t)(x->n[0] * x->n[1] * x->n[2] * x->n[3]), sizeof *x->v);
    if (flag(t, DNN_ATTR_TENSOR_IS_VIRTUAL))
        return x;
    int k = argument(c, t);
    if (flag(t, DNN_ATTR_TENSOR_IS_BY_VALUE)) {
        x->v[0] = c->number[k];
        return x;
    }
    bool half = number(t, DNN_ATTR_TENSOR_DATA_TYPE) == DNN_DATA_BFLOAT16;
    EACH(i, x->n)
    {
        size_t at = place(i, numbers(t, DNN_ATTR_TENSOR_STRIDES));
        uint32_t bits =
            half ? (uint32_t)((uint16_t *)c->pointer[k])[at] << 16 : ((uint32_t *)c->pointer[k])[at];
        memcpy(&x->v[packed(x->n, i)], &bits, sizeof bits);
    }
    return x;
}

/* Rounds a result to its type, and writes it where it lies outside. */
static void store(struct value *y, const struct call *c)
{
    const struct descriptor *t = y->of;
    bool half = number(t, DNN_ATTR_TENSOR_DATA_TYPE) == DNN_DATA_BFLOAT16,
         outside = !flag(t, DNN_ATTR_TENSOR_IS_VIRTUAL);
    int k = outside ? argument(c, t) : 0;
    EACH(i, y->n)
    {
        float *f = &y->v[packed(y->n, i)];
        *f = half ? bf16(*f) : *f;
        size_t at = place(i, numbers(t, DNN_ATTR_TENSOR_STRIDES));
        uint32_t bits;
        memcpy(&bits, f, sizeof bits);
        if (outside && half)
            ((uint16_t *)c->pointer[k])[at] = (uint16_t)(bits >> 16);
        else if (outside)
            ((uint32_t *)c->pointer[k])[at] = bits;
    }
}

/* ---- operations ---- */

/* The element of x that belongs to element i of something larger: dimensions of 1 are broadcast, heads serve
 * groups. */
static float at(const struct value *x, const int64_t *n, const int64_t *i)
{
    int64_t k[4];
    for (int d = 0; d < 4; d++)
        k[d] = i[d] * x->n[d] / n[d];
    return x->v[packed(x->n, k)];
}

static float f(int64_t mode, float x, float b, float t, int64_t index)
{
    switch (mode) {
    case DNN_POINTWISE_ADD:
        return x + b;
    case DNN_POINTWISE_SUB:
        return x - b;
    case DNN_POINTWISE_MUL:
        return x * b;
    case DNN_POINTWISE_DIV:
        return x / b;
    case DNN_POINTWISE_EXP:
        return expf(x);
    case DNN_POINTWISE_LOG:
        return logf(x);
    case DNN_POINTWISE_IDENTITY:
        return x;
    case DNN_POINTWISE_GEN_INDEX:
        return (float)index;
    case DNN_POINTWISE_CMP_GE:
        return x >= b;
    case DNN_POINTWISE_BINARY_SELECT:
        return t != 0 ? x : b;
    default:
        abort();
    }
}

static void pointwise(const struct descriptor *op, struct value *all, const struct call *c, struct value *y)
{
    const struct descriptor *how = other(op, DNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR);
    const struct descriptor *db = other(op, DNN_ATTR_OPERATION_POINTWISE_BDESC),
                            *dt = other(op, DNN_ATTR_OPERATION_POINTWISE_TDESC);
    const struct value *x = value_of(all, c, other(op, DNN_ATTR_OPERATION_POINTWISE_XDESC));
    const struct value *b = db ? value_of(all, c, db) : NULL, *t = dt ? value_of(all, c, dt) : NULL;
    int64_t axis = find(how, DNN_ATTR_POINTWISE_AXIS) ? numbers(how, DNN_ATTR_POINTWISE_AXIS)[0] : 0;
    EACH(i, y->n)
    y->v[packed(y->n, i)] = f(number(how, DNN_ATTR_POINTWISE_MODE), at(x, y->n, i), b ? at(b, y->n, i) : 0,
                              t ? at(t, y->n, i) : 0, i[axis]);
}

static void reduce(const struct descriptor *op, struct value *all, const struct call *c, struct value *y)
{
    const struct value *x = value_of(all, c, other(op, DNN_ATTR_OPERATION_REDUCTION_XDESC));
    bool most = number(other(op, DNN_ATTR_OPERATION_REDUCTION_DESC), DNN_ATTR_REDUCTION_OPERATOR) ==
                DNN_REDUCE_TENSOR_MAX;
    EACH(i, y->n)
    y->v[packed(y->n, i)] = most ? -INFINITY : 0;
    EACH(i, x->n)
    {
        int64_t k[4];
        for (int d = 0; d < 4; d++)
            k[d] = i[d] * y->n[d] / x->n[d];
        float *to = &y->v[packed(y->n, k)], from = x->v[packed(x->n, i)];
        *to = most ? fmaxf(*to, from) : *to + from;
    }
}

static void matmul(const struct descriptor *op, struct value *all, const struct call *c, struct value *y)
{
    const struct value *a = value_of(all, c, other(op, DNN_ATTR_OPERATION_MATMUL_ADESC));
    const struct value *b = value_of(all, c, other(op, DNN_ATTR_OPERATION_MATMUL_BDESC));
    EACH(i, y->n)
    {
        double sum = 0;
        for (int64_t k = 0; k < a->n[3]; k++) {
            int64_t ia[4] = {i[0], i[1] * a->n[1] / y->n[1], i[2], k},
                    ib[4] = {i[0], i[1] * b->n[1] / y->n[1], k, i[3]};
            sum += (double)a->v[packed(a->n, ia)] * (double)b->v[packed(b->n, ib)];
        }
        y->v[packed(y->n, i)] = (float)sum;
    }
}

/* Copies the bytes: here a reshape always gives those of the transpose. */
static void reshape(const struct descriptor *op, struct value *all, const struct call *c, struct value *y)
{
    const struct value *x = value_of(all, c, other(op, DNN_ATTR_OPERATION_RESHAPE_XDESC));
    const int64_t *sx = numbers(x->of, DNN_ATTR_TENSOR_STRIDES),
                  *sy = numbers(y->of, DNN_ATTR_TENSOR_STRIDES);
    if (sx[2] != sy[3] || sx[3] != sy[2] || x->n[2] != y->n[3] || x->n[3] != y->n[2])
        abort();
    EACH(i, y->n)
    {
        int64_t k[4] = {i[0], i[1], i[3], i[2]};
        y->v[packed(y->n, i)] = x->v[packed(x->n, k)];
    }
}

static void run(const void *arguments)
{
    const struct call *c = arguments;
    static const struct {
        int type, result;
        void (*run)(const struct descriptor *op, struct value *all, const struct call *c, struct value *y);
    } kinds[] = {{DNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, DNN_ATTR_OPERATION_POINTWISE_YDESC, pointwise},
                 {DNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR, DNN_ATTR_OPERATION_REDUCTION_YDESC, reduce},
                 {DNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR, DNN_ATTR_OPERATION_MATMUL_CDESC, matmul},
                 {DNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR, DNN_ATTR_OPERATION_RESHAPE_YDESC, reshape}};
    const struct descriptor *way = other(c->plan, DNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
    struct attribute *ops =
        find(other(way, DNN_ATTR_ENGINEHEUR_OPERATION_GRAPH), DNN_ATTR_OPERATIONGRAPH_OPS);
    struct value all[TENSORS] = {{0}};
    for (int64_t i = 0; i < ops->n; i++) {
        const struct descriptor *op = ((struct descriptor **)(void *)ops->bytes)[i];
        size_t k = 0;
        while (kinds[k].type != op->type)
            k++;
        struct value *y = value_of(all, c, other(op, kinds[k].result));
        kinds[k].run(op, all, c, y);
        store(y, c);
    }
    for (struct value *x = all; x->of; x++)
        free(x->v);
}

static int execute(void *handle, void *plan, void *descriptor)
{
    const struct descriptor *pack = descriptor;
    struct attribute *ids = find(pack, DNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
    struct call c = {.plan = plan, .n = ids->n};
    if (!handle || !pack->final || shim_faulty() == SHIM_CUDNN_REFUSES)
        return 1;
    memcpy(c.id, ids->bytes, (size_t)c.n * sizeof *c.id);
    memcpy(c.pointer, find(pack, DNN_ATTR_VARIANT_PACK_DATA_POINTERS)->bytes,
           (size_t)c.n * sizeof *c.pointer);
    const struct descriptor *graph =
        other(other(plan, DNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG), DNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
    struct attribute *ops = find(graph, DNN_ATTR_OPERATIONGRAPH_OPS);
    for (int64_t i = 0; i < ops->n; i++) { /* numbers are read now, tensors when the stream gets there */
        const struct descriptor *op = ((struct descriptor **)(void *)ops->bytes)[i],
                                *b = other(op, DNN_ATTR_OPERATION_POINTWISE_BDESC);
        if (b && flag(b, DNN_ATTR_TENSOR_IS_BY_VALUE))
            c.number[argument(&c, b)] =
                *(float *)c.pointer[argument(&c, b)] * (shim_faulty() == SHIM_CUDNN_WRONG ? 1.25f : 1);
    }
    shim_call(run, &c, sizeof c);
    return 0;
}

int cudnn_find(struct cudnn *lib, char *why, size_t cap)
{
    *lib = (struct cudnn){version,      create,     destroy,           set_stream,
                          error_string, last_error, descriptor_create, descriptor_destroy,
                          set,          get,        finalize,          execute};
    snprintf(why, cap, "no cuDNN for tests");
    return shim_faulty() == SHIM_NO_CUDNN ? -1 : 0;
}
