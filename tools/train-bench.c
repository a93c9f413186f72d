/*
 * train-bench - how fast a training step is, beside the fastest its matrix products could be
 *
 * In turn, several times: one whole optimizer step (forward, backward, clip,
 * optimizer) on random tokens; and the step's matrix products alone, by oneDNN, in
 * the layouts oneDNN likes best (operands packed beforehand, which a real step cannot have). Prints medians.
 *
 * FLOP/s counts 6*N a token for the weights in matrix products plus 6*L*H*D*T for causal attention, for the step; and
 * the products' own 2*M*N*K for the limit.
 */
#include <oneapi/dnnl/dnnl.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/threads.h"
#include "pipeline/train/optim.h"

static const char *preset = "nano", *dtype = "bf16", *optimizer = "adamw", *device = "auto";
static int64_t batch = 8, context = 256, repeats = 5, threads, vocab;
static bool json;

static const struct opt opts[] = {
    {'m', "model", OPT_STR, &preset, "NAME", "preset: nano (default) tiny 100m 500m 1b"},
    {'B', "batch", OPT_INT, &batch, "N", "sequences a step, one micro-batch (8)"},
    {'T', "context", OPT_INT, &context, "N", "tokens a sequence (256)"},
    {0, "vocab", OPT_INT, &vocab, "N", "vocabulary (the preset's)"},
    {0, "dtype", OPT_STR, &dtype, "TYPE", "bf16 (default) or f32"},
    {0, "optimizer", OPT_STR, &optimizer, "NAME", "adamw (default) or muon"},
    {0, "repeats", OPT_INT, &repeats, "N", "of each measurement (5)"},
    {0, "device", OPT_STR, &device, "NAME", "auto (default: cuda where there is a GPU), cpu, cuda"},
    {0, "threads", OPT_INT, &threads, "N", "0: all cores (default)"},
    {0, "json", OPT_FLAG, &json, NULL, "one JSON object"},
    {0},
};

static const struct cli cli = {
    "train-bench", "tokens/s of a training step beside the limit its matrix products set",
    "tools/train-bench [-m PRESET] [-B N] [-T N] [--dtype bf16|f32]", opts, NULL,
};

/* --- the limit: each product of a step, as oneDNN does it best --- */

struct product {
    int M, K, N, times;
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
    p->args[1] = (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS, filled(dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0))};
    p->args[2] = (dnnl_exec_arg_t){DNNL_ARG_DST, filled(&c)};
    dnnl_primitive_desc_destroy(pd);
}

/* y = x W^T, dx = dy W, dW = dy^T x for every matrix of the model; rows: what the output matrix sees at a time */
static size_t products(struct product *p, const struct model_config *c, int N, int rows, dnnl_data_type_t in)
{
    int shapes[][3] = {
        {c->C, (c->H + 2 * c->Hkv) * c->D, c->L}, {c->H * c->D, c->C, c->L}, {c->C, 2 * c->F, c->L}, {c->F, c->C, c->L},
        {c->C, c->V, 1},
    };
    size_t n = 0;
    for (int i = 0; i < 5; i++) {
        int I = shapes[i][0], O = shapes[i][1], times = shapes[i][2], M = N;
        if (i == 4) {
            M = rows < N ? rows : N;
            times = (N + M - 1) / M;
        }
        p[n++] = (struct product){M, I, O, times, NULL, {{0}}};
        p[n++] = (struct product){M, O, I, times, NULL, {{0}}};
        p[n++] = (struct product){O, M, I, times, NULL, {{0}}};
        for (size_t k = n - 3; k < n; k++)
            product_make(&p[k], in, k == n - 1 ? dnnl_f32 : in);
    }
    return n;
}

static double time_products(const struct product *p, size_t n)
{
    double total = 0;
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
    struct activations *a;
    struct optim opt;
    float *grad, *loss;
    int32_t *tokens;
};

static void bench_make(struct bench *b, const struct model_config *c, enum dtype act)
{
    char err[512];
    const struct ops *ops = ops_choose(device, err, sizeof err);
    if (!ops)
        die("--device %s: %s", device, err);
    struct device *dev = ops->open(act, (int)threads, err, sizeof err);
    if (!dev || weights_alloc(&b->w, ops, dev, act, c, err, sizeof err) != 0)
        die("%s", err);
    weights_init(&b->w, 1);
    b->a = activations_alloc(&b->w, (int)batch, (int)context, ACT_TRAIN, err, sizeof err);
    b->grad = ops->alloc(dev, b->w.layout.total * sizeof(float));
    b->opt = (struct optim){.beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f, .weight_decay = 0.1f, .clip = 1,
                            .use_muon = strcmp(optimizer, "muon") == 0, .momentum = 0.95f};
    if (!b->a || !b->grad)
        die("out of memory");
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

static double time_step(struct bench *b)
{
    const struct ops *ops = b->w.ops;
    struct device *dev = b->w.dev;
    size_t n = b->w.layout.total;
    double t = now_seconds();
    ops->zero(dev, b->grad, n * sizeof(float));
    model_run(&b->w, b->a, b->tokens, (int)batch, (int)context, -1, b->loss, b->grad, 1.0f / (float)(batch * context));
    optim_step(&b->opt, &b->w, b->grad, optim_grad_norm(&b->w, b->grad), 1e-4);
    ops->sync(dev);
    return now_seconds() - t;
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

int main(int argc, char **argv)
{
    threads_settle(argv);
    struct model_config c;
    if (cli_parse(&cli, argc, argv) != 0)
        usage_error("no operands");
    if (model_preset(preset, &c) != 0)
        usage_error("no preset '%s'; there are: %s", preset, model_preset_names());
    if (batch < 1 || context < 1 || repeats < 1 || batch * context > 1 << 20)
        usage_error("batch, context and repeats are at least 1");
    if (vocab > 0)
        c.V = (int)vocab;
    if (context > c.T)
        c.T = (int)context;
    enum dtype act = dtype[0] == 'f' ? DTYPE_F32 : DTYPE_BF16;
    struct bench b = {0};
    bench_make(&b, &c, act);

    struct product p[15];
    must(dnnl_engine_create(&engine, dnnl_cpu, 0), "engine");
    must(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags), "stream");
    int N = (int)(batch * context);
    bool bf16 = (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
    size_t n = products(p, &c, N, 512, act == DTYPE_BF16 && bf16 ? dnnl_bf16 : dnnl_f32);
    double flops = 0;
    for (size_t i = 0; i < n; i++)
        flops += 2.0 * p[i].M * p[i].K * p[i].N * p[i].times;

    double *steps = xcalloc((size_t)repeats, sizeof *steps), *gemms = xcalloc((size_t)repeats, sizeof *gemms);
    double *ratios = xcalloc((size_t)repeats, sizeof *ratios), per_step = model_flops_per_token(&c, (int)context) * N;
    time_step(&b);
    time_products(p, n);
    for (int64_t i = 0; i < repeats; i++) {
        steps[i] = time_step(&b);
        gemms[i] = time_products(p, n);
        ratios[i] = per_step / steps[i] / (flops / gemms[i]);
    }
    double s = median(steps, repeats), g = median(gemms, repeats), r = median(ratios, repeats);
    printf(json ? "{\"model\": \"%s\", \"dtype\": \"%s\", \"B\": %d, \"T\": %d, \"tokens_per_s\": %.1f, \"gflops\": %.1f, "
                  "\"gemm_gflops\": %.1f, \"share\": %.4f}\n"
                : "%-5s %s  B %d T %d  %10.1f tokens/s  %7.1f GFLOP/s of %7.1f (products alone): %.4f\n",
           preset, dtype, (int)batch, (int)context, N / s, per_step / s / 1e9, flops / g / 1e9, r);
    close_stdout();
    return 0;
}
