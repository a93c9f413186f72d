/*
 * kernel-bench - every kernel of a training step, beside the floor that the device sets
 *
 * A kernel that is bound by memory is compared with a copy on the same device (the fewest bytes that must be
 * read and written, per second); one that is bound by arithmetic with one large square matrix product. Shapes
 * are those of a preset's step. Each figure is the shortest of several runs of a few calls each. Last, whole
 * tokens one by one as `sample` makes them: these have to read all weights.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/threads.h"
#include "pipeline/model/sampler.h"
#include "pipeline/model/transformer.h"
#include "pipeline/train/rate.h"

static const char *preset = "100m", *dtype = "bf16", *device = "auto";
static int64_t batch = 16, context = 1024, repeats = 5, threads;
static bool only_token, int8;

static const struct opt opts[] = {
    {'m', "model", OPT_STR, &preset, "NAME", "preset (100m); train --list-presets shows all"},
    {'B', "batch", OPT_INT, &batch, "N", "sequences (16)"},
    {'T', "context", OPT_INT, &context, "N", "tokens a sequence (1024)"},
    {0, "device", OPT_STR, &device, "NAME", "auto (default: cuda where there is a GPU), cpu, cuda"},
    {0, "dtype", OPT_STR, &dtype, "TYPE",
     "bf16 (default), f32, or with --token int8: the weights; all else is bf16"},
    {0, "repeats", OPT_INT, &repeats, "N", "of each measurement (5)"},
    {0, "token", OPT_FLAG, &only_token, NULL, "only the copy, and whole tokens as sample makes them"},
    {0, "threads", OPT_INT, &threads, "N", "0: all cores (default)"},
    {0},
};

static const struct cli cli = {
    "kernel-bench",
    "time of every kernel of a training step, beside its floor",
    "tools/kernel-bench [-m PRESET] [-B N] [-T N] [--device NAME] [--dtype bf16|f32|int8] [--token]",
    opts,
    NULL,
};

enum {
    PROMPT = 32,
    WARM_UP = 32,
    TIMED = 128,
    TOKENS = PROMPT + WARM_UP + TIMED
}; /* numbers of tokens in bench_decode */

static const struct ops *o;
static struct device *dev;
static struct model_config c;
static size_t e, n_weights; /* bytes of an element of activations; weights in all */
static int N, rows;         /* tokens; rows of logits at once */
static struct attention_shape attention;

/* Operands, shared by all kernels. act: x, y, z (N x widest), w (largest matrix), logits; f32: theta, m, v,
 * g; a few of N. */
static void *x, *y, *z, *w, *logits;
static float *theta, *m, *v, *g, *stat, *gains, *rope;
static int32_t *ids, *positions;
static uint64_t seed;

static void k_copy(void)
{
    o->copy(dev, m, theta, n_weights * 4);
}
static void k_embedding_forward(void)
{
    o->embedding_forward(dev, x, w, ids, N, c.C);
}
static void k_embedding_backward(void)
{
    o->embedding_backward(dev, g, x, ids, N, c.C, c.V);
}
static void k_rmsnorm_forward(void)
{
    o->rmsnorm_forward(dev, y, stat, z, x, y, gains, N, c.C, 1e-6f);
}
static void k_rmsnorm_backward(void)
{
    o->rmsnorm_backward(dev, z, g, y, x, gains, stat, N, c.C, false);
}
static struct qk_norm_rope heads(void)
{
    return (struct qk_norm_rope){x, gains, gains, rope, positions, N, c.H, c.Hkv, c.D};
}
static void k_rope_forward(void)
{
    struct qk_norm_rope in = heads();
    o->qk_norm_rope_forward(dev, y, stat, &in, 1e-6f);
}
static void k_rope_backward(void)
{
    struct qk_norm_rope in = heads();
    o->qk_norm_rope_backward(dev, z, g, g + c.D, y, stat, &in, false);
}
static void k_attention_forward(void)
{
    const struct attention in = {y, x, NULL, attention};
    o->attention_forward(dev, z, stat, &in);
}
static void k_attention_backward(void)
{
    const struct attention in = {y, x, NULL, attention};
    o->attention_backward(dev, w, logits, z, z, stat, &in);
}
static void k_swiglu_forward(void)
{
    o->swiglu_forward(dev, y, x, N, c.F);
}
static void k_swiglu_backward(void)
{
    o->swiglu_backward(dev, z, y, x, N, c.F);
}
static void k_cross_entropy(void)
{
    o->cross_entropy(dev, stat, logits, ids, rows, c.V, 1e-6f);
}
static void k_adamw(void)
{
    struct adamw a = {1e-6f, 0.9f, 0.95f, 1e-8f, 0.1f, 0.5f, 0.5f, 1};
    o->adamw_step(dev, theta, e == 4 ? (void *)theta : w, m, v, g, n_weights, a);
}
static void k_adamw_bf16(void)
{
    struct adamw a = {1e-6f, 0.9f, 0.95f, 1e-8f, 0.1f, 0.5f, 0.5f, 1};
    o->adamw_step_bf16(dev, NULL, w, (uint16_t *)m, (uint16_t *)v, g, n_weights, a, seed++, 0);
}
static void k_sum_squares(void)
{
    o->sum_squares(dev, g, n_weights);
}
static void k_qkv(void)
{
    o->linear_forward(dev, y, x, w, N, c.C, (c.H + 2 * c.Hkv) * c.D);
}
static void k_out(void)
{
    o->linear_forward(dev, y, x, w, N, c.H * c.D, c.C);
}
static void k_gate_up(void)
{
    o->linear_forward(dev, y, x, w, N, c.C, 2 * c.F);
}
static void k_gate_up_input(void)
{
    o->linear_backward_input(dev, x, y, w, N, c.C, 2 * c.F, false);
}
static void k_gate_up_weight(void)
{
    o->linear_backward_weight(dev, g, y, x, N, c.C, 2 * c.F, false);
}
static void k_down(void)
{
    o->linear_forward(dev, y, x, w, N, c.F, c.C);
}
static void k_head(void)
{
    o->linear_forward(dev, logits, x, w, rows, c.C, c.V);
}
static void k_head_input(void)
{
    o->linear_backward_input(dev, x, logits, w, rows, c.C, c.V, false);
}
static void k_head_weight(void)
{
    o->linear_backward_weight(dev, g, logits, x, rows, c.C, c.V, false);
}
static void k_one_gate_up(void)
{
    o->linear_forward(dev, y, x, w, 1, c.C, 2 * c.F);
}
static void k_one_head(void)
{
    o->linear_forward(dev, logits, x, w, 1, c.C, c.V);
}
static void k_cached(void)
{
    o->attention_cached(dev, z, y, x, w, 1, (int)context - 1, NULL, c.H, c.Hkv, c.D);
}

static void k_fp8_gate_up(void)
{
    o->linear_maybe_fp8_forward(dev, y, x, w, N, c.C, 2 * c.F);
}
static void k_fp8_gate_up_backward(void)
{
    o->linear_maybe_fp8_backward(dev, z, g, y, x, w, N, c.C, 2 * c.F, false);
}

static double shortest(void (*run)(void), int calls)
{
    double best = 0;
    for (int64_t i = -1; i < repeats; i++) { /* the first is not counted */
        double began = now_seconds();
        for (int k = 0; k < calls; k++)
            run();
        o->sync(dev);
        double took = (now_seconds() - began) / calls;
        if (i >= 0 && (best == 0 || took < best))
            best = took;
    }
    return best;
}

/* Dies when the device failed, because a time measured then would mean nothing. */
static void check_device(const char *at)
{
    const char *failed = o->error(dev);
    if (failed)
        die("%s: %s: %s", o->name, at, failed);
}

static void *must_alloc(size_t bytes)
{
    void *p = o->alloc(dev, bytes);
    if (!p)
        die("no memory (%.1f MB); use fewer sequences (-B)", (double)bytes / 1e6);
    return p;
}

static float *numbers(size_t n, float scale)
{
    float *host = xmalloc(n * sizeof *host), *p = must_alloc(n * sizeof *p);
    uint32_t r = 7;
    for (size_t i = 0; i < n; i++) {
        r = r * 1664525u + 1013904223u;
        host[i] = scale * ((float)(r >> 8) * 0x1p-23f - 1);
    }
    o->upload(dev, p, host, n * sizeof *host);
    free(host);
    return p;
}

static size_t largest(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* The operands of the copy. */
static void make_copied(void)
{
    struct params layout;
    if (params_layout(&layout, &c) != 0)
        die("out of memory");
    n_weights = layout.total;
    params_free(&layout);
    theta = only_token ? must_alloc(n_weights * 4) : numbers(n_weights, 0.02f);
    m = must_alloc(n_weights * 4);
}

static void make_operands(void)
{
    size_t Q = (size_t)(c.H + 2 * c.Hkv) * (size_t)c.D, wide = largest(Q, 2 * (size_t)c.F),
           tokens = (size_t)N;
    size_t act = largest(tokens * wide, (size_t)context * (size_t)(c.Hkv * c.D));
    rows = (int)(o->logit_bytes / ((size_t)c.V * e));
    rows = rows < 1 ? 1 : rows > N ? N : rows;
    v = must_alloc(n_weights * 4);
    g = must_alloc(n_weights * 4);
    gains = numbers((size_t)c.C + (size_t)c.D, 1);
    rope = numbers((size_t)c.T * (size_t)c.D, 1);
    stat = must_alloc(tokens * (size_t)(c.H + c.Hkv) * 4);
    x = must_alloc(act * e);
    y = must_alloc(act * e);
    z = must_alloc(act * e);
    w = must_alloc(largest(n_weights, tokens * Q) * e);
    logits = must_alloc(largest((size_t)rows * (size_t)c.V, tokens * Q) * e);
    o->to_act(dev, x, theta, largest(1, act < n_weights ? act : n_weights));
    o->to_act(dev, w, theta, n_weights);
    int32_t *host = xmalloc(tokens * sizeof *host);
    for (size_t i = 0; i < tokens; i++)
        host[i] = (int32_t)(i * 7919 % (size_t)c.V);
    ids = must_alloc(tokens * 4);
    o->upload(dev, ids, host, tokens * 4);
    for (size_t i = 0; i < tokens; i++)
        host[i] = (int32_t)(i % (size_t)context);
    positions = must_alloc(tokens * 4);
    o->upload(dev, positions, host, tokens * 4);
    free(host);
}

static void print_product(const char *name, double t, double flops, const struct rate *rate)
{
    printf("%-40s %12.1f %9.2f TFLOP/s %7.1f%%\n", name, t * 1e6, flops / t / 1e12,
           rate->measured > 0 ? 100 * flops / t / rate->measured : 0);
}

/* FLOPs of attention forward: half of 4 T^2 D a head, as it is causal. */
static double attention_flops(void)
{
    return 2.0 * attention.B * attention.H * (double)attention.T * attention.T * attention.D;
}

/* Returns the rate of the copy, bytes read and written a second. */
static double bench_all(const struct rate *rate)
{
    double nc = (double)N * c.C * (double)e, qk = (double)N * (c.H + c.Hkv) * c.D * (double)e,
           f = (double)N * c.F * (double)e;
    double gemm = 2.0 * N * c.C, head = 2.0 * rows * c.C * c.V, nw = (double)n_weights, ee = (double)e;
    const struct {
        const char *name;
        void (*run)(void);
        double bytes, flops;
        int calls;
    } all[] = {
        {"copy", k_copy, 8 * nw, 0, 4},
        {"embedding forward", k_embedding_forward, 2 * nc, 0, 20},
        {"embedding backward", k_embedding_backward, nc + 8.0 * N * c.C, 0, 10},
        {"rmsnorm + residual forward", k_rmsnorm_forward, 4 * nc, 0, 20},
        {"rmsnorm backward", k_rmsnorm_backward, 4 * nc, 0, 20},
        {"q, k norm + rope forward", k_rope_forward, 2 * qk, 0, 20},
        {"q, k norm + rope backward", k_rope_backward, 3 * qk, 0, 20},
        {"attention forward", k_attention_forward, 0, attention_flops(), 5},
        {"attention backward", k_attention_backward, 0, 2.5 * attention_flops(), 5},
        {"swiglu forward", k_swiglu_forward, 3 * f, 0, 20},
        {"swiglu backward", k_swiglu_backward, 5 * f, 0, 20},
        {"cross-entropy, gradient in place", k_cross_entropy, 2.0 * rows * c.V * ee, 0, 10},
        {"product qkv", k_qkv, 0, gemm * (c.H + 2 * c.Hkv) * c.D, 10},
        {"product attention out", k_out, 0, 2.0 * N * c.H * c.D * c.C, 10},
        {"product gate, up", k_gate_up, 0, gemm * 2 * c.F, 10},
        {"product gate, up: input", k_gate_up_input, 0, gemm * 2 * c.F, 10},
        {"product gate, up: weight", k_gate_up_weight, 0, gemm * 2 * c.F, 10},
        {"product down", k_down, 0, gemm * c.F, 10},
        {"product head", k_head, 0, head, 5},
        {"product head: input", k_head_input, 0, head, 5},
        {"product head: weight", k_head_weight, 0, head, 5},
        {"sum of squares", k_sum_squares, 4 * nw, 0, 2},
        {"adamw", k_adamw, (28 + (e == 2 ? 2 : 0)) * nw, 0, 2},
        {"adamw, weights and state in bf16", e == 2 ? k_adamw_bf16 : NULL, 16 * nw, 0, 2},
        {"one token: gate, up", k_one_gate_up, 2.0 * c.C * c.F * ee, 0, 20},
        {"one token: head", k_one_head, (double)c.C * c.V * ee, 0, 20},
        {"one token: attention over the context", k_cached, 2.0 * (double)context * c.Hkv * c.D * ee, 0, 20},
    };
    double copy = 0;
    printf("%-40s %12s %16s %8s\n", "kernel", "microseconds", "rate", "of floor");
    for (size_t i = 0; i < (only_token ? 1 : sizeof all / sizeof *all); i++) {
        if (!all[i].run)
            continue;
        double t = shortest(all[i].run, all[i].calls), bytes = all[i].bytes / t;
        copy = i == 0 ? bytes : copy;
        check_device(all[i].name);
        if (all[i].flops > 0)
            print_product(all[i].name, t, all[i].flops, rate);
        else
            printf("%-40s %12.1f %9.1f GB/s    %7.1f%%\n", all[i].name, t * 1e6, bytes / 1e9,
                   100 * bytes / copy);
    }
    return copy;
}

static void bench_product(const char *name, void (*run)(void), double flops, const struct rate *rate)
{
    double t = shortest(run, 10);
    check_device(name);
    print_product(name, t, flops, rate);
}

/* Measures optional computations of a GPU: fp8, compared with the rate of bf16, including the making of its
 * operands. */
static void bench_choices(const struct rate *rate)
{
    char err[512];
    struct attention_shape one = attention;
    one.B = 1;
    if (o->use_cudnn(dev, one, err, sizeof err) == 0) {
        bench_product("cuDNN: attention forward", k_attention_forward, attention_flops(), rate);
        bench_product("cuDNN: attention backward", k_attention_backward, 2.5 * attention_flops(), rate);
    } else if (strcmp(o->name, "cuda") == 0) {
        printf("cuDNN: %s\n", err);
    }
    if (o->use_fp8(dev, err, sizeof err) == 0) {
        bench_product("fp8: gate, up", k_fp8_gate_up, 4.0 * N * c.C * c.F, rate);
        bench_product("fp8: gate, up: input and weight", k_fp8_gate_up_backward, 8.0 * N * c.C * c.F, rate);
    }
}

static void free_operands(void)
{
    void *all[] = {x, y, z, w, logits, theta, m, v, g, stat, gains, rope, ids, positions};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        o->free(dev, all[i]);
}

/* Returns the processor time of all threads, in seconds. */
static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Tokens a second after a short prompt, each drawn as `sample` does by default, and the bytes that each has
 * to read: the weights once, the cache so far; a digest of what was drawn. Last the processor time, which
 * another program on the machine changes less, of the mean token and of the quickest. */
static void bench_decode(double copy, enum dtype act)
{
    char err[512];
    struct weights model;
    int32_t tokens[PROMPT] = {0};
    if ((act == DTYPE_BF16 ? weights_alloc_bf16(&model, o, dev, &c, err, sizeof err)
                           : weights_alloc(&model, o, dev, act, &c, err, sizeof err)) != 0)
        die("%s", err);
    struct kv_cache *kv = kv_cache_alloc(&model, 1, (int)context, err, sizeof err);
    if (!kv || weights_init(&model, 1) != 0)
        die("%s", kv ? "no memory for the first weights" : err);
    if (int8 && weights_quantise(&model, err, sizeof err) != 0)
        die("%s", err);
    float *out = xmalloc((size_t)c.V * sizeof *out);
    struct sampling drawn = {.temperature = 0.8, .top_p = 1, .repetition_penalty = 1};
    struct sampler *s = sampler_new(c.V, &drawn, 1);
    if (!s)
        die("out of memory");
    model_extend(&model, kv, 0, tokens, PROMPT, out);
    double began = 0, drawing = 0, used = 0, least = 1e9;
    uint32_t text = 0;
    for (int i = 0; i < WARM_UP + TIMED; i++) {
        double start = now_seconds(), cpu = cpu_seconds();
        if (i == WARM_UP)
            began = start;
        tokens[0] = sampler_next(s, out, NULL, 0);
        drawing += i >= WARM_UP ? now_seconds() - start : 0;
        text = text * 31 + (uint32_t)tokens[0];
        model_extend(&model, kv, 0, tokens, 1, out);
        cpu = cpu_seconds() - cpu;
        used += i >= WARM_UP ? cpu : 0;
        least = cpu < least ? cpu : least;
    }
    double t = (now_seconds() - began) / TIMED;
    check_device("a whole token");
    double bytes = (double)model_params(&c) * (int8 ? 1 : (double)e) +
                   2.0 * (PROMPT + WARM_UP + TIMED / 2) * c.L * c.Hkv * c.D * (double)e;
    printf("%-40s %12.1f %9.1f GB/s    %7.1f%%   %.0f tokens/s, text %08x\n", "a whole token", t * 1e6,
           bytes / t / 1e9, 100 * bytes / t / copy, 1 / t, text);
    printf("%-40s %12.1f\n", "  of it drawing from the logits", drawing / TIMED * 1e6);
    printf("%-40s %12.1f %9.1f at least\n", "  processor time", used / TIMED * 1e6, least * 1e6);
    free(out);
    sampler_free(s);
    kv_cache_free(kv);
    weights_free(&model);
}

int main(int argc, char **argv)
{
    char err[512];
    struct rate rate;
    threads_settle(argv);
    if (cli_parse(&cli, argc, argv) != 0)
        usage_error("no operands");
    if (model_preset(preset, &c) != 0)
        usage_error("no preset '%s'; there are: %s", preset, model_preset_names());
    if (batch < 1 || context < 1 || repeats < 1 || context > c.T || batch * context > 1 << 20)
        usage_error("batch, context and repeats are at least 1; the context is at most %d", c.T);
    if (only_token && context < TOKENS)
        usage_error("--token: a context of %d at least", TOKENS);
    int8 = strcmp(dtype, "int8") == 0;
    if (int8 && !only_token)
        usage_error("--dtype int8: only with --token");
    enum dtype act = strcmp(dtype, "f32") == 0 ? DTYPE_F32 : DTYPE_BF16;
    e = dtype_bytes(act);
    N = (int)(batch * context);
    attention = (struct attention_shape){(int)batch, (int)context, c.H, c.Hkv, c.D};
    o = ops_choose(device, err, sizeof err);
    if (!o)
        die("--device %s: %s", device, err);
    dev = o->open(act, (int)threads, err, sizeof err);
    if (!dev)
        die("%s", err);
    rate_measure(&rate, o, dev, act);
    make_copied();
    if (!only_token)
        make_operands();
    printf("%s, %s; %s, %d x %d tokens; one large product: %.2f TFLOP/s\n", o->name, o->describe(dev), preset,
           (int)batch, (int)context, rate.measured / 1e12);
    double copy = bench_all(&rate);
    if (!only_token)
        bench_choices(&rate);
    free_operands();
    if (context >= TOKENS)
        bench_decode(copy, act);
    o->close(dev);
    close_stdout();
    return 0;
}
