/*
 * cudnn_attention.c - attention as graphs that cuDNN recognises: it has one fused kernel for each of these,
 * and none for other graphs with the same meaning
 *
 * Forward                                          Backward, with D = rows of sum(dout * out)
 *   s = scale q k^T, -inf where key > query          p = e^(s - lse)
 *   p = e^(s - max s) / sum e^(s - max s)            dv = p^T dout
 *   lse = max s + log sum e^(s - max s)              ds = scale p (dout v^T - D)
 *   out = p v                                        dq = ds k,  dk = ds^T q
 * With fewer heads of keys than of queries dk and dv are summed over each group. The operations in this
 * order, the reshapes, D times one and dq through an f32 sum in memory are the pattern that the library looks
 * for. Source: NVIDIA cuDNN 9, "Graph API: fused flash attention, forward and backward"; Dao 2023,
 * arXiv:2307.08691.
 */
#include "kernels/cuda/cudnn_attention.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ANY_LENGTH: the version from which sequences need not be multiples of 128. */
enum { ANY_LENGTH = 91600, ALIGNMENT = 256 };

/* Places of the tensors' addresses in the array of pointers. */
enum { Q, K, V, OUT, LSE, SCALE, HIDDEN, DOUT, DQ, DK, DV, DQ_SUM, ROW_SUM, ONE };

struct plan {
    struct attention_shape s;
    bool backward;
    struct cudnn_graph graph;
    char failure[512]; /* why the plan cannot be run; empty: it can */
    struct plan *next;
};

struct cudnn_attention {
    struct cudnn lib;
    size_t version;
    void *handle;
    struct plan *plans;
    char text[48], failure[400];
};

/* The tensors that both graphs share. */
struct parts {
    struct cudnn_graph *g;
    struct attention_shape s;
    struct cudnn_tensor q, k, v, out, lse, scale, hidden;
};

struct cudnn_attention *cudnn_attention_open(cudaStream_t s, char *err, size_t cap)
{
    struct cudnn_attention *a = calloc(1, sizeof *a);
    if (!a || cudnn_find(&a->lib, err, cap) != 0) {
        if (!a)
            snprintf(err, cap, "no memory for cuDNN");
        free(a);
        return NULL;
    }
    a->version = a->lib.version();
    snprintf(a->text, sizeof a->text, "cuDNN %zu.%zu.%zu", a->version / 10000, a->version / 100 % 100,
             a->version % 100);
    int status = a->version < CUDNN_OLDEST ? 0 : a->lib.create(&a->handle);
    if (status == 0 && a->handle)
        status = a->lib.set_stream(a->handle, s);
    if (status == 0 && a->handle)
        return a;
    if (status == 0)
        snprintf(err, cap, "%s is too old (wanted: 9.10.2 or newer)", a->text);
    else
        snprintf(err, cap, "%s does not start: %s", a->text, a->lib.error_string(status));
    cudnn_attention_close(a);
    return NULL;
}

void cudnn_attention_close(struct cudnn_attention *a)
{
    if (!a)
        return;
    for (struct plan *p = a->plans, *next; p; p = next) {
        next = p->next;
        cudnn_graph_end(&p->graph);
        free(p);
    }
    if (a->handle)
        a->lib.destroy(a->handle);
    free(a);
}

const char *cudnn_attention_error(const struct cudnn_attention *a)
{
    return a->failure;
}

const char *cudnn_attention_describe(const struct cudnn_attention *a)
{
    return a->text;
}

/* ---- the graphs ---- */

/* (B, heads, T, D) within rows of `wide` heads */
static struct cudnn_extent heads(struct attention_shape s, int n, int wide)
{
    int64_t row = (int64_t)wide * s.D;
    return (struct cudnn_extent){{s.B, n, s.T, s.D}, {s.T * row, s.D, row, 1}};
}

static struct cudnn_tensor square(struct parts *p, int type)
{
    return cudnn_inside(p->g, type, cudnn_packed(p->s.B, p->s.H, p->s.T, p->s.T));
}

static struct cudnn_tensor column(struct parts *p)
{
    return cudnn_inside(p->g, DNN_DATA_FLOAT, cudnn_packed(p->s.B, p->s.H, p->s.T, 1));
}

static struct cudnn_tensor transposed(struct parts *p, const struct cudnn_tensor *x)
{
    struct cudnn_tensor t = cudnn_inside(p->g, DNN_DATA_BFLOAT16, cudnn_transposed(x->at));
    cudnn_reshape(p->g, x, &t);
    return t;
}

/* A pointwise operation f(x, b) whose result has one number for each query and key. */
static struct cudnn_tensor of(struct parts *p, int mode, const struct cudnn_tensor *x,
                              const struct cudnn_tensor *b)
{
    struct cudnn_tensor y = square(p, DNN_DATA_FLOAT);
    cudnn_pointwise(p->g, mode, DNN_DATA_FLOAT, x, b, NULL, &y);
    return y;
}

static struct parts parts(struct cudnn_graph *g, struct attention_shape s, bool backward)
{
    struct parts p = {.g = g, .s = s};
    struct cudnn_extent v = heads(s, s.Hkv, s.H + 2 * s.Hkv);
    p.q = cudnn_outside(g, Q, DNN_DATA_BFLOAT16, heads(s, s.H, s.H + s.Hkv));
    p.k = cudnn_outside(g, K, DNN_DATA_BFLOAT16, cudnn_transposed(heads(s, s.Hkv, s.H + s.Hkv)));
    p.v = cudnn_outside(g, V, DNN_DATA_BFLOAT16, backward ? cudnn_transposed(v) : v);
    p.out = cudnn_outside(g, OUT, DNN_DATA_BFLOAT16, heads(s, s.H, s.H));
    p.lse = cudnn_outside(g, LSE, DNN_DATA_FLOAT, cudnn_packed(s.B, s.H, s.T, 1));
    p.scale = cudnn_number(g, SCALE);
    p.hidden = cudnn_number(g, HIDDEN);
    return p;
}

static struct cudnn_tensor scores(struct parts *p)
{
    struct cudnn_tensor s = square(p, DNN_DATA_FLOAT);
    cudnn_matmul(p->g, &p->q, &p->k, &s);
    return of(p, DNN_POINTWISE_MUL, &s, &p->scale);
}

static struct cudnn_tensor causal(struct parts *p, const struct cudnn_tensor *s)
{
    struct cudnn_tensor row = square(p, DNN_DATA_INT32), key = square(p, DNN_DATA_INT32),
                        seen = square(p, DNN_DATA_BOOLEAN);
    struct cudnn_tensor y = square(p, DNN_DATA_FLOAT);
    cudnn_index(p->g, 2, s, &row);
    cudnn_index(p->g, 3, s, &key);
    cudnn_pointwise(p->g, DNN_POINTWISE_CMP_GE, DNN_DATA_BOOLEAN, &row, &key, NULL, &seen);
    cudnn_pointwise(p->g, DNN_POINTWISE_BINARY_SELECT, DNN_DATA_FLOAT, s, &p->hidden, &seen, &y);
    return y;
}

static void build_forward(struct cudnn_graph *g, struct attention_shape shape)
{
    struct parts p = parts(g, shape, false);
    struct cudnn_tensor top = column(&p), sum = column(&p), log = column(&p),
                        weights = square(&p, DNN_DATA_BFLOAT16);
    struct cudnn_tensor s = scores(&p);
    s = causal(&p, &s);
    cudnn_reduce(g, DNN_REDUCE_TENSOR_MAX, &s, &top);
    s = of(&p, DNN_POINTWISE_SUB, &s, &top);
    s = of(&p, DNN_POINTWISE_EXP, &s, NULL);
    cudnn_reduce(g, DNN_REDUCE_TENSOR_ADD, &s, &sum);
    cudnn_pointwise(g, DNN_POINTWISE_LOG, DNN_DATA_FLOAT, &sum, NULL, NULL, &log);
    cudnn_pointwise(g, DNN_POINTWISE_ADD, DNN_DATA_FLOAT, &top, &log, NULL, &p.lse);
    cudnn_pointwise(g, DNN_POINTWISE_DIV, DNN_DATA_FLOAT, &s, &sum, NULL, &weights);
    cudnn_matmul(g, &weights, &p.v, &p.out);
}

/* z = x^T y, summed over the heads of a group */
static void product_by_group(struct parts *p, const struct cudnn_tensor *x, const struct cudnn_tensor *y,
                             const struct cudnn_tensor *z)
{
    struct cudnn_tensor t = transposed(p, x), all = *z;
    if (p->s.H != p->s.Hkv)
        all = cudnn_inside(p->g, DNN_DATA_BFLOAT16, cudnn_packed(p->s.B, p->s.H, p->s.T, p->s.D));
    cudnn_matmul(p->g, &t, y, &all);
    if (p->s.H != p->s.Hkv)
        cudnn_reduce(p->g, DNN_REDUCE_TENSOR_ADD, &all, z);
}

/* D, the sums of the rows of dout * out. */
static struct cudnn_tensor row_sums(struct parts *p, const struct cudnn_tensor *dout)
{
    struct cudnn_tensor product = cudnn_inside(p->g, DNN_DATA_FLOAT, heads(p->s, p->s.H, p->s.H)),
                        sum = column(p);
    struct cudnn_tensor one = cudnn_number(p->g, ONE);
    struct cudnn_tensor kept =
        cudnn_outside(p->g, ROW_SUM, DNN_DATA_FLOAT, cudnn_packed(p->s.B, p->s.H, p->s.T, 1));
    cudnn_pointwise(p->g, DNN_POINTWISE_MUL, DNN_DATA_FLOAT, dout, &p->out, NULL, &product);
    cudnn_reduce(p->g, DNN_REDUCE_TENSOR_ADD, &product, &sum);
    cudnn_pointwise(p->g, DNN_POINTWISE_MUL, DNN_DATA_FLOAT, &sum, &one, NULL, &kept);
    return kept;
}

static void build_backward(struct cudnn_graph *g, struct attention_shape shape)
{
    struct parts p = parts(g, shape, true);
    struct cudnn_tensor dout = cudnn_outside(g, DOUT, DNN_DATA_BFLOAT16, heads(shape, shape.H, shape.H));
    struct cudnn_tensor dq =
        cudnn_outside(g, DQ, DNN_DATA_BFLOAT16, heads(shape, shape.H, shape.H + shape.Hkv));
    struct cudnn_tensor dk =
        cudnn_outside(g, DK, DNN_DATA_BFLOAT16, heads(shape, shape.Hkv, shape.H + shape.Hkv));
    struct cudnn_tensor dv =
        cudnn_outside(g, DV, DNN_DATA_BFLOAT16, heads(shape, shape.Hkv, shape.H + 2 * shape.Hkv));
    struct cudnn_tensor dq_sum =
        cudnn_outside(g, DQ_SUM, DNN_DATA_FLOAT, cudnn_packed(shape.B, shape.H, shape.T, shape.D));
    struct cudnn_tensor rows = row_sums(&p, &dout), s = scores(&p), d = square(&p, DNN_DATA_FLOAT),
                        ds = square(&p, DNN_DATA_BFLOAT16);
    s = of(&p, DNN_POINTWISE_SUB, &s, &p.lse);
    s = causal(&p, &s);
    s = of(&p, DNN_POINTWISE_EXP, &s, NULL);
    product_by_group(&p, &s, &dout, &dv);
    cudnn_matmul(g, &dout, &p.v, &d);
    d = of(&p, DNN_POINTWISE_SUB, &d, &rows);
    d = of(&p, DNN_POINTWISE_MUL, &d, &s);
    cudnn_pointwise(g, DNN_POINTWISE_MUL, DNN_DATA_FLOAT, &d, &p.scale, NULL, &ds);
    product_by_group(&p, &ds, &p.q, &dk);
    struct cudnn_tensor keys = transposed(&p, &p.k);
    cudnn_matmul(g, &ds, &keys, &dq_sum);
    cudnn_pointwise(g, DNN_POINTWISE_IDENTITY, DNN_DATA_FLOAT, &dq_sum, NULL, NULL, &dq);
}

/* ---- plans ---- */

static size_t rounded(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static size_t rows_of(struct attention_shape s)
{
    return (size_t)s.B * (size_t)s.H * (size_t)s.T;
}

int cudnn_attention_compile(struct cudnn_graph *g, const struct cudnn *lib, struct cudnn_target target,
                            struct attention_shape s, bool backward, char *err, size_t cap)
{
    cudnn_graph_begin(g, lib);
    (backward ? build_backward : build_forward)(g, s);
    return cudnn_graph_compile(g, target, err, cap);
}

static bool same(struct attention_shape a, struct attention_shape b)
{
    return a.B == b.B && a.T == b.T && a.H == b.H && a.Hkv == b.Hkv && a.D == b.D;
}

static void compile(struct cudnn_attention *a, struct plan *p)
{
    char why[320] = "";
    if (p->s.T % 128 != 0 && a->version < ANY_LENGTH)
        snprintf(why, sizeof why, "before 9.16 it takes sequences of multiples of 128 tokens");
    else if (cudnn_attention_compile(&p->graph, &a->lib, (struct cudnn_target){.handle = a->handle}, p->s,
                                     p->backward, why, sizeof why) == 0)
        return;
    snprintf(p->failure, sizeof p->failure,
             "%s has no attention for %d of %d heads of %d, %d x %d tokens, %s (%s)", a->text, p->s.Hkv,
             p->s.H, p->s.D, p->s.B, p->s.T, p->backward ? "backward" : "forward", why);
}

/* Returns the shape's plan, or NULL when there is no memory. */
static struct plan *plan_of(struct cudnn_attention *a, struct attention_shape s, bool backward)
{
    for (struct plan *p = a->plans; p; p = p->next)
        if (p->backward == backward && same(p->s, s))
            return p;
    struct plan *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    *p = (struct plan){.s = s, .backward = backward, .next = a->plans};
    a->plans = p;
    compile(a, p);
    return p;
}

bool cudnn_attention_takes(struct cudnn_attention *a, struct attention_shape s, bool backward,
                           size_t *scratch, const char **why)
{
    struct plan *p = plan_of(a, s, backward);
    *why = p ? p->failure : "no memory for a plan of cuDNN";
    if (!p || p->failure[0])
        return false;
    *scratch =
        ALIGNMENT + rounded((size_t)p->graph.workspace) +
        (backward ? rounded(rows_of(s) * sizeof(float)) + rounded(rows_of(s) * (size_t)s.D * sizeof(float))
                  : 0);
    return true;
}

static bool run(struct cudnn_attention *a, struct attention_shape s, bool backward, void **pointer,
                char *scratch)
{
    struct plan *p = plan_of(a, s, backward);
    float hidden = -INFINITY, one = 1, scale = 1 / sqrtf((float)s.D);
    pointer[SCALE] = &scale;
    pointer[HIDDEN] = &hidden;
    pointer[ONE] = &one;
    if (backward) {
        pointer[ROW_SUM] = scratch;
        scratch += rounded(rows_of(s) * sizeof(float));
        pointer[DQ_SUM] = scratch;
        scratch += rounded(rows_of(s) * (size_t)s.D * sizeof(float));
    }
    int status = cudnn_graph_run(&p->graph, a->handle, pointer, scratch);
    if (status == 0)
        return true;
    cudnn_graph_fail(&p->graph, status, backward ? "attention, backward" : "attention, forward");
    if (!a->failure[0])
        snprintf(a->failure, sizeof a->failure, "%s: %s", a->text, p->graph.failure);
    return false;
}

/* Keys follow the queries in a row, and values follow the keys. */
static void *behind(const void *p, int heads, struct attention_shape s)
{
    return (uint16_t *)p + (size_t)heads * (size_t)s.D;
}

bool cudnn_attention_forward(struct cudnn_attention *a, void *out, float *lse, const void *qk,
                             const void *qkv, struct attention_shape s, void *scratch)
{
    void *pointer[CUDNN_POINTERS] = {[Q] = behind(qk, 0, s),
                                     [K] = behind(qk, s.H, s),
                                     [V] = behind(qkv, s.H + s.Hkv, s),
                                     [OUT] = out,
                                     [LSE] = lse};
    return run(a, s, false, pointer, scratch);
}

bool cudnn_attention_backward(struct cudnn_attention *a, void *dqk, void *dqkv, const void *dout,
                              const void *out, const float *lse, const void *qk, const void *qkv,
                              struct attention_shape s, void *scratch)
{
    void *pointer[CUDNN_POINTERS] = {[Q] = behind(qk, 0, s),
                                     [K] = behind(qk, s.H, s),
                                     [V] = behind(qkv, s.H + s.Hkv, s),
                                     [OUT] = behind(out, 0, s),
                                     [LSE] = (float *)lse,
                                     [DOUT] = behind(dout, 0, s),
                                     [DQ] = dqk,
                                     [DK] = behind(dqk, s.H, s),
                                     [DV] = behind(dqkv, s.H + s.Hkv, s)};
    return run(a, s, true, pointer, scratch);
}
