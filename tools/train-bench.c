/*
 * train-bench - how fast a training step is, beside the fastest its matrix products could be
 *
 * In turn, several times: one whole optimizer step (forward, backward, clip,
 * optimizer) on random tokens; and the step's matrix products alone. On the CPU these are by oneDNN, in
 * the layouts oneDNN likes best (operands packed beforehand, which a real step cannot have); on a GPU they
 * are the backend's own. Prints medians, and what share of a step its optimizer takes.
 *
 * FLOP/s counts 6*N a token for the weights in matrix products plus 6*L*H*D*T for causal attention, for the
 * step; and the products' own 2*M*N*K for the limit. MFU: pipeline/train/rate.h.
 */
#include <oneapi/dnnl/dnnl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/threads.h"
#include "pipeline/train/optim.h"
#include "pipeline/train/rate.h"

static const char *preset = "nano", *dtype = "auto", *optimizer = "adamw", *device = "auto";
static int64_t batch = 8, context = 256, micro, repeats = 5, threads, vocab;
static int64_t layers, width, heads, ffn;
static bool json, recompute, bf16_state, fp8, cudnn;

static const struct opt opts[] = {
    {'m', "model", OPT_STR, &preset, "NAME", "preset (nano); train --list-presets shows all"},
    {'B', "batch", OPT_INT, &batch, "N", "sequences a step, one micro-batch (8)"},
    {'T', "context", OPT_INT, &context, "N", "tokens a sequence (256)"},
    {0, "vocab", OPT_INT, &vocab, "N", "vocabulary (the preset's)"},
    {0, "layers", OPT_INT, &layers, "N", "layers (the preset's)"},
    {0, "width", OPT_INT, &width, "N", "width (the preset's)"},
    {0, "heads", OPT_INT, &heads, "N", "attention heads (the preset's)"},
    {0, "ffn", OPT_INT, &ffn, "N", "width of the feed-forward (the preset's)"},
    {0, "dtype", OPT_STR, &dtype, "TYPE", "auto (default: what the device is fastest with), bf16, f32"},
    {0, "optimizer", OPT_STR, &optimizer, "NAME", "adamw (default) or muon"},
    {0, "recompute", OPT_FLAG, &recompute, NULL, "as train --recompute"},
    {0, "bf16-state", OPT_FLAG, &bf16_state, NULL, "as train --state-dtype bf16"},
    {0, "fp8", OPT_FLAG, &fp8, NULL, "as train --fp8; the products alone stay bf16"},
    {0, "cudnn", OPT_FLAG, &cudnn, NULL, "as train --attention cudnn"},
    {0, "micro-batch", OPT_INT, &micro, "ROWS", "rows at a time (all)"},
    {0, "repeats", OPT_INT, &repeats, "N", "of each measurement (5)"},
    {0, "device", OPT_STR, &device, "NAME", "auto (default: cuda where there is a GPU), cpu, cuda"},
    {0, "threads", OPT_INT, &threads, "N", "0: all cores (default)"},
    {0, "json", OPT_FLAG, &json, NULL, "one JSON object"},
    {0},
};

static const struct cli cli = {
    "train-bench",
    "tokens/s of a training step beside the limit its matrix products set",
    "tools/train-bench [-m PRESET] [-B N] [-T N] [--dtype auto|bf16|f32]",
    opts,
    NULL,
};

/* --- the limit: each product of a step, as oneDNN does it best --- */

enum kind { FORWARD, BACKWARD_INPUT, BACKWARD_WEIGHT };

struct product {
    int M, K, N, times;
    enum kind kind;
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t args[3];
};

static dnnl_engine_t engine;
static dnnl_stream_t stream;

static void must(dnnl_status_t s, const char *what)
{
    if (s != dnnl_success)
        die("oneDNN: %s: status %d", what, (int)s);
}

static dnnl_memory_t filled(const dnnl_memory_desc_t *md)
{
    dnnl_memory_t m;
    void *p;
    must(dnnl_memory_create(&m, md, engine, DNNL_MEMORY_ALLOCATE), "memory");
    must(dnnl_memory_get_data_handle(m, &p), "memory");
    memset(p, 0, dnnl_memory_desc_get_size(md));
    return m;
}

static void product_make(struct product *p, dnnl_data_type_t in, dnnl_data_type_t out)
{
    dnnl_memory_desc_t a, b, c;
    dnnl_dims_t da = {p->M, p->K}, db = {p->K, p->N}, dc = {p->M, p->N};
    dnnl_matmul_desc_t desc;
    dnnl_primitive_desc_t pd;
    must(dnnl_memory_desc_init_by_tag(&a, 2, da, in, dnnl_ab), "shape");
    must(dnnl_memory_desc_init_by_tag(&b, 2, db, in, dnnl_format_tag_any), "shape");
    must(dnnl_memory_desc_init_by_tag(&c, 2, dc, out, dnnl_ab), "shape");
    must(dnnl_matmul_desc_init(&desc, &a, &b, NULL, &c), "matmul");
    must(dnnl_primitive_desc_create(&pd, &desc, NULL, engine, NULL), "matmul");
    must(dnnl_primitive_create(&p->primitive, pd), "matmul");
    p->args[0] = (dnnl_exec_arg_t){DNNL_ARG_SRC, filled(&a)};
    p->args[1] = (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS,
                                   filled(dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0))};
    p->args[2] = (dnnl_exec_arg_t){DNNL_ARG_DST, filled(&c)};
    dnnl_primitive_desc_destroy(pd);
}

/* y = x W^T, dx = dy W, dW = dy^T x for every matrix of the model; rows: what the output matrix sees at a
 * time */
static size_t products(struct product *p, const struct model_config *c, int N, int rows)
{
    int shapes[][3] = {
        {c->C, (c->H + 2 * c->Hkv) * c->D, c->L},
        {c->H * c->D, c->C, c->L},
        {c->C, 2 * c->F, c->L},
        {c->F, c->C, c->L},
        {c->C, c->V, 1},
    };
    size_t n = 0;
    for (int i = 0; i < 5; i++) {
        int I = shapes[i][0], O = shapes[i][1], times = shapes[i][2], M = N;
        if (i == 4) {
            M = rows < N ? rows : N;
            times = (N + M - 1) / M;
        }
        p[n++] = (struct product){.M = M, .K = I, .N = O, .times = times, .kind = FORWARD};
        p[n++] = (struct product){.M = M, .K = O, .N = I, .times = times, .kind = BACKWARD_INPUT};
        p[n++] = (struct product){.M = O, .K = M, .N = I, .times = times, .kind = BACKWARD_WEIGHT};
    }
    return n;
}

static void prepare_onednn(struct product *p, size_t n, enum dtype act)
{
    must(dnnl_engine_create(&engine, dnnl_cpu, 0), "engine");
    must(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags), "stream");
    bool bf16 =
        (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
    dnnl_data_type_t in = act == DTYPE_BF16 && bf16 ? dnnl_bf16 : dnnl_f32;
    for (size_t i = 0; i < n; i++)
        product_make(&p[i], in, p[i].kind == BACKWARD_WEIGHT ? dnnl_f32 : in);
}

/* On a GPU: operands of the largest size, shared by all. */
static struct {
    void *a, *b, *c;
} operands;

static void prepare_operands(const struct product *p, size_t n, const struct weights *w)
{
    size_t most = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t sizes[] = {(size_t)p[i].M * (size_t)p[i].K, (size_t)p[i].K * (size_t)p[i].N,
                                (size_t)p[i].M * (size_t)p[i].N};
        for (int k = 0; k < 3; k++)
            most = sizes[k] > most ? sizes[k] : most;
    }
    operands.a = w->ops->alloc(w->dev, most * dtype_bytes(w->act));
    operands.b = w->ops->alloc(w->dev, most * dtype_bytes(w->act));
    operands.c = w->ops->alloc(w->dev, most * sizeof(float));
    if (!operands.a || !operands.b || !operands.c)
        die("no memory for the products alone");
    size_t have = w->layout.total; /* the weights: zeros would multiply faster */
    for (size_t at = 0; at < most; at += have) {
        size_t bytes = (most - at < have ? most - at : have) * dtype_bytes(w->act);
        w->ops->copy(w->dev, (char *)operands.a + at * dtype_bytes(w->act), w->work, bytes);
        w->ops->copy(w->dev, (char *)operands.b + at * dtype_bytes(w->act), w->work, bytes);
    }
}

static void run_product(const struct weights *w, const struct product *p)
{
    const struct ops *o = w->ops;
    if (p->kind == FORWARD)
        o->linear_forward(w->dev, operands.c, operands.a, operands.b, p->M, p->K, p->N);
    else if (p->kind == BACKWARD_INPUT)
        o->linear_backward_input(w->dev, operands.c, operands.a, operands.b, p->M, p->N, p->K, false);
    else
        o->linear_backward_weight(w->dev, operands.c, operands.a, operands.b, p->K, p->N, p->M, false);
}

static double time_products(const struct product *p, size_t n, const struct weights *w)
{
    double total = 0;
    if (operands.a) {
        double t = now_seconds();
        for (size_t i = 0; i < n; i++)
            for (int k = 0; k < p[i].times; k++)
                run_product(w, &p[i]);
        w->ops->sync(w->dev);
        return now_seconds() - t;
    }
    for (size_t i = 0; i < n; i++) {
        double t = now_seconds();
        for (int k = 0; k < p[i].times; k++)
            must(dnnl_primitive_execute(p[i].primitive, stream, 3, p[i].args), "execute");
        must(dnnl_stream_wait(stream), "wait");
        total += now_seconds() - t;
    }
    return total;
}

/* --- the step --- */

struct bench {
    struct weights w;
    struct rate rate;
    struct activations *a;
    struct optim opt;
    float *grad, *loss;
    int32_t *tokens;
};

static enum dtype act_of(const struct ops *ops)
{
    if (strcmp(dtype, "auto") == 0)
        dtype = ops->fastest_act() == DTYPE_BF16 ? "bf16" : "f32";
    if (strcmp(dtype, "bf16") != 0 && strcmp(dtype, "f32") != 0)
        usage_error("--dtype: '%s' is none of: auto bf16 f32", dtype);
    return strcmp(dtype, "bf16") == 0 ? DTYPE_BF16 : DTYPE_F32;
}

static void bench_make(struct bench *b, const struct model_config *c)
{
    char err[512];
    const struct ops *ops = ops_choose(device, err, sizeof err);
    if (!ops)
        die("--device %s: %s", device, err);
    enum dtype act = act_of(ops);
    struct device *dev = ops->open(act, (int)threads, err, sizeof err);
    if (!dev)
        die("%s", err);
    if (fp8 && ops->use_fp8(dev, err, sizeof err) != 0)
        die("--fp8: %s", err);
    if (cudnn && ops->use_cudnn(dev, (struct attention_shape){1, (int)context, c->H, c->Hkv, c->D}, err,
                                sizeof err) != 0)
        die("--cudnn: %s", err);
    rate_measure(&b->rate, ops, dev, act);
    if ((bf16_state ? weights_alloc_bf16(&b->w, ops, dev, c, err, sizeof err)
                    : weights_alloc(&b->w, ops, dev, act, c, err, sizeof err)) != 0)
        die("%s", err);
    weights_init(&b->w, 1);
    b->a = activations_alloc(&b->w, (int)micro, (int)context, recompute ? ACT_RECOMPUTE : ACT_TRAIN, err,
                             sizeof err);
    b->grad = ops->alloc(dev, b->w.layout.total * sizeof(float));
    b->opt = (struct optim){.beta1 = 0.9f,
                            .beta2 = 0.95f,
                            .eps = 1e-8f,
                            .weight_decay = 0.1f,
                            .clip = 1,
                            .bf16_state = bf16_state,
                            .use_muon = strcmp(optimizer, "muon") == 0,
                            .momentum = 0.95f,
                            .rate = OPTIM_EQUAL_RATES};
    if (!b->a || !b->grad)
        die("%s", b->a ? "no memory for the gradient" : err);
    if (optim_alloc(&b->opt, &b->w, err, sizeof err) != 0)
        die("%s", err);
    size_t n = (size_t)batch * (size_t)(context + 1);
    b->tokens = xcalloc(n, sizeof *b->tokens);
    b->loss = xcalloc((size_t)(batch * context), sizeof *b->loss);
    uint32_t x = 1;
    for (size_t i = 0; i < n; i++) {
        x = x * 1664525u + 1013904223u;
        b->tokens[i] = (int32_t)((x >> 8) % (uint32_t)c->V);
    }
}

/* Processor time of all threads, in seconds: another program on the machine changes it less than time by the
 * clock. */
static double used_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct times {
    double step, optimizer, used;
};

static struct times time_step(struct bench *b)
{
    const struct ops *ops = b->w.ops;
    struct device *dev = b->w.dev;
    double t = now_seconds(), used = used_seconds();
    for (int64_t first = 0; first < batch; first += micro)
        model_submit(&b->w, b->a, b->tokens + first * (context + 1),
                     (int)(batch - first < micro ? batch - first : micro), (int)context, -1,
                     b->loss + first * context, b->grad, 1.0f / (float)(batch * context), first > 0);
    double norm = optim_grad_norm(&b->w, b->grad);
    ops->sync(dev);
    double before = now_seconds();
    optim_step(&b->opt, &b->w, b->grad, norm, 1e-4, 1);
    ops->sync(dev);
    double end = now_seconds();
    if (ops->error(dev))
        die("%s", ops->error(dev));
    return (struct times){end - t, end - before, used_seconds() - used};
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, int64_t n)
{
    qsort(v, (size_t)n, sizeof *v, ascending);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static size_t memory_of(const struct bench *b, size_t *total)
{
    b->w.ops->memory(b->w.dev, total);
    return *total;
}

static void take_dimensions(struct model_config *c)
{
    const struct {
        int64_t given;
        int *dimension;
    } all[] = {{vocab, &c->V}, {layers, &c->L},  {width, &c->C},
               {heads, &c->H}, {heads, &c->Hkv}, {ffn, &c->F}};
    char err[256];
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].given > 0)
            *all[i].dimension = all[i].given > INT_MAX ? INT_MAX : (int)all[i].given;
    if (model_config_check(c, err, sizeof err) != 0)
        usage_error("%s", err);
}

/* What is asked for on the command line, settled. */
static void settle(struct model_config *c)
{
    if (model_preset(preset, c) != 0)
        usage_error("no preset '%s'; there are: %s", preset, model_preset_names());
    if (batch < 1 || context < 1 || repeats < 1 || batch * context > 1 << 20)
        usage_error("batch, context and repeats are at least 1");
    take_dimensions(c);
    if (context > c->T)
        c->T = (int)context;
    if (micro < 1 || micro > batch)
        micro = batch;
}

/* Medians of all repeats. */
struct result {
    double step, products;    /* seconds */
    double optimizer;         /* its part of a step */
    double used;              /* seconds of the processor, of a step */
    double share, used_share; /* rates of a step's products, over those of the products alone */
};

static struct result measure(struct bench *b, const struct product *p, size_t n, double step_flops,
                             double flops)
{
    enum { STEP, PRODUCTS, OPTIMIZER, USED, SHARE, USED_SHARE, VALUES };
    double *v[VALUES], m[VALUES];
    for (int k = 0; k < VALUES; k++)
        v[k] = xcalloc((size_t)repeats, sizeof *v[k]);
    for (int i = 0; i < 3; i++) /* the third time the ops are replayed where they can be recorded */
        time_step(b);
    time_products(p, n, &b->w);
    for (int64_t i = 0; i < repeats; i++) {
        struct times t = time_step(b);
        double before = used_seconds();
        v[STEP][i] = t.step;
        v[OPTIMIZER][i] = t.optimizer;
        v[USED][i] = t.used;
        v[PRODUCTS][i] = time_products(p, n, &b->w);
        v[USED_SHARE][i] = step_flops / t.used / (flops / (used_seconds() - before));
        v[SHARE][i] = step_flops / t.step / (flops / v[PRODUCTS][i]);
    }
    for (int k = 0; k < VALUES; k++) {
        m[k] = median(v[k], repeats);
        free(v[k]);
    }
    return (struct result){m[STEP], m[PRODUCTS], m[OPTIMIZER] / m[STEP], m[USED], m[SHARE], m[USED_SHARE]};
}

static void print(const struct bench *b, const struct result *r, double step_flops, double flops)
{
    char mfu[128];
    double N = (double)(batch * context);
    rate_text(mfu, sizeof mfu, &b->rate, step_flops / r->step);
    if (json)
        printf("{\"model\": \"%s\", \"device\": \"%s\", \"dtype\": \"%s\", \"B\": %d, \"T\": %d, "
               "\"tokens_per_s\": %.1f, "
               "\"gflops\": %.1f, \"gemm_gflops\": %.1f, \"share\": %.4f, \"optimizer_share\": %.4f, "
               "\"product_gflops\": %.1f, \"nominal_gflops\": %.1f, \"tokens_per_processor_s\": %.1f, "
               "\"processor_share\": %.4f}\n",
               preset, b->w.ops->name, dtype, (int)batch, (int)context, N / r->step,
               step_flops / r->step / 1e9, flops / r->products / 1e9, r->share, r->optimizer,
               b->rate.measured / 1e9, b->rate.nominal / 1e9, N / r->used, r->used_share);
    else
        printf("%-5s %s  B %d T %d  %10.1f tokens/s  %7.1f GFLOP/s of %7.1f (products alone): %.4f; "
               "optimizer %.1f %%%s; processor time: %.1f tokens/s, %.4f\n",
               preset, dtype, (int)batch, (int)context, N / r->step, step_flops / r->step / 1e9,
               flops / r->products / 1e9, r->share, 100 * r->optimizer, mfu, N / r->used, r->used_share);
}

int main(int argc, char **argv)
{
    threads_settle(argv);
    struct model_config c;
    if (cli_parse(&cli, argc, argv) != 0)
        usage_error("no operands");
    settle(&c);
    struct bench b = {0};
    bench_make(&b, &c);
    struct product p[15];
    int N = (int)(batch * context);
    size_t memory, rows = b.w.ops->logit_bytes / ((size_t)c.V * dtype_bytes(b.w.act));
    size_t n = products(p, &c, N, memory_of(&b, &memory) ? (int)rows : 512);
    if (memory)
        prepare_operands(p, n, &b.w);
    else
        prepare_onednn(p, n, b.w.act);
    double flops = 0, step_flops = model_flops_per_token(&c, (int)context) * N;
    for (size_t i = 0; i < n; i++)
        flops += 2.0 * p[i].M * p[i].K * p[i].N * p[i].times;
    struct result r = measure(&b, p, n, step_flops, flops);
    print(&b, &r, step_flops, flops);
    close_stdout();
    return 0;
}
