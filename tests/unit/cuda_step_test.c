/*
 * cuda_step_test - whole training steps and generation through the CUDA backend's table, beside the CPU's
 *
 * Two programs come from this file: cuda_step_test runs on a GPU (and is skipped where there is none);
 * cuda_step_shim_test is linked with the kernels compiled for the host, plain loops for matrix products and
 * graphs that are lists of calls, and runs everywhere.
 */
#include <math.h>
#include <string.h>

#include "tests/cuda/shim/graph.h"
#include "pipeline/train/optim.h"
#include "tests/check.h"

enum { B = 3, MICRO = 2, T = 16, STEPS = 4, EOS = 5, MAX_WEIGHTS = 1 << 16 };

/* The shim's alone */
#pragma weak shim_graph_calls
#pragma weak shim_waits
#pragma weak shim_fault

static const struct ops *tables[2]; /* the CPU's, then CUDA's */
static char err[512];

/* In bf16 heads are as wide as the attention on tensor cores wants them. */
static struct model_config small(enum dtype act)
{
    struct model_config c = {.L = 2,
                             .C = 32,
                             .H = 4,
                             .Hkv = 2,
                             .D = 16,
                             .F = 40,
                             .T = 300,
                             .V = 53,
                             .tied = true,
                             .eps = 1e-6f,
                             .rope_theta = 1e4};
    if (act == DTYPE_BF16) {
        c.H = 2;
        c.Hkv = 1;
        c.D = 64;
        c.F = 48; /* a multiple of 16, for fp8 */
    }
    return c;
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void fill_tokens(int32_t *tokens, size_t n, uint32_t seed)
{
    for (size_t i = 0; i < n; i++)
        tokens[i] = (int32_t)(next_random(&seed) % 53);
}

/* One backend's model and everything that trains it. */
struct run {
    const struct ops *o;
    struct device *dev;
    struct weights w;
    struct optim opt;
    struct activations *a;
    float *grad;
    float loss[B * T];
    float *host; /* layout.total: first the gradient, then the weights */
    double norm;
};

enum choice { PLAIN, FP8, CUDNN };

/* -1 and err: this device cannot. */
static int choose(const struct ops *o, struct device *dev, enum choice choice)
{
    struct model_config c = small(DTYPE_BF16);
    struct attention_shape s = {.B = 1, .T = T, .H = c.H, .Hkv = c.Hkv, .D = c.D};
    return choice == FP8     ? o->use_fp8(dev, err, sizeof err)
           : choice == CUDNN ? o->use_cudnn(dev, s, err, sizeof err)
                             : 0;
}

static void run_open_with(struct run *r, const struct ops *o, enum dtype act, enum activations_mode mode,
                          bool muon, enum choice choice)
{
    struct model_config c = small(act);
    *r = (struct run){.o = o};
    r->dev = o->open(act, 1, err, sizeof err);
    CHECK(r->dev, "%s", err);
    CHECK(choose(o, r->dev, choice) == 0, "%s", err);
    CHECK(weights_alloc(&r->w, o, r->dev, act, &c, err, sizeof err) == 0, "%s", err);
    CHECK(weights_init(&r->w, 7) == 0 && r->w.layout.total <= MAX_WEIGHTS);
    r->opt = (struct optim){.beta1 = 0.9f,
                            .beta2 = 0.95f,
                            .eps = 1e-8f,
                            .weight_decay = 0.1f,
                            .clip = 0.5f,
                            .use_muon = muon,
                            .momentum = 0.95f,
                            .rate = OPTIM_EQUAL_RATES};
    CHECK(optim_alloc(&r->opt, &r->w, err, sizeof err) == 0, "%s", err);
    r->a = activations_alloc(&r->w, MICRO, T, mode, err, sizeof err);
    r->grad = o->alloc(r->dev, r->w.layout.total * sizeof(float));
    r->host = malloc(r->w.layout.total * sizeof(float));
    CHECK(r->a && r->grad && r->host, "%s", err);
}

static void run_open(struct run *r, const struct ops *o, enum dtype act, enum activations_mode mode,
                     bool muon)
{
    run_open_with(r, o, act, mode, muon, PLAIN);
}

static void run_free(struct run *r)
{
    activations_free(r->a);
    r->o->free(r->dev, r->grad);
    optim_free(&r->opt, &r->w);
    weights_free(&r->w);
    r->o->close(r->dev);
    free(r->host);
}

static void run_close(struct run *r)
{
    CHECK(!r->o->error(r->dev), "%s", r->o->error(r->dev));
    run_free(r);
}

/* As pipeline/train/loop.c: micro-batches without waiting, one wait, then the update. */
static void gradient(struct run *r, const int32_t *tokens, int eos)
{
    for (int first = 0; first < B; first += MICRO)
        model_submit(&r->w, r->a, tokens + first * (T + 1), B - first < MICRO ? B - first : MICRO, T, eos,
                     r->loss + first * T, r->grad, 1.0f / (B * T), first > 0);
    r->norm = optim_grad_norm(&r->w, r->grad);
    r->o->sync(r->dev);
}

static void to_host(struct run *r, const float *from)
{
    r->o->download(r->dev, r->host, from, r->w.layout.total * sizeof(float));
}

/* A step of each on the same tokens; the gradient is in host. */
static void step_all(struct run *r, int n, uint32_t seed, int eos)
{
    int32_t tokens[B * (T + 1)];
    fill_tokens(tokens, B * (T + 1), seed);
    for (int i = 0; i < n; i++) {
        gradient(&r[i], tokens, eos);
        to_host(&r[i], r[i].grad);
        optim_step(&r[i].opt, &r[i].w, r[i].grad, r[i].norm, 1e-3, 1);
    }
}

/* |a - b| / |b| over all elements */
static double distance(const float *a, const float *b, size_t n)
{
    double difference = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        squares += (double)b[i] * b[i];
    }
    return sqrt(difference / (squares + 1e-30));
}

/* Several steps with changing tokens and learning rates on both; the third and later ones replay what was
 * recorded. Muon's steps on a Gram matrix turn rounding into some 1e-3 of an update. */
static void steps_agree(enum dtype act, enum activations_mode mode, bool muon, int eos)
{
    struct run r[2];
    int32_t tokens[B * (T + 1)];
    bool f32 = act == DTYPE_F32;
    static float first[MAX_WEIGHTS], moved[2][MAX_WEIGHTS];
    for (int i = 0; i < 2; i++)
        run_open(&r[i], tables[i], act, i ? mode : ACT_TRAIN, muon);
    size_t n = r[0].w.layout.total;
    to_host(&r[0], r[0].w.theta);
    memcpy(first, r[0].host, n * sizeof *first);
    for (int step = 0; step < STEPS; step++) {
        fill_tokens(tokens, B * (T + 1), 100 + (uint32_t)step);
        for (int i = 0; i < 2; i++) {
            unsigned long waits = shim_waits ? shim_waits() : 0;
            gradient(&r[i], tokens, eos);
            CHECK(!shim_waits || i == 0 || step < 2 || shim_waits() - waits == 2,
                  "step %d: the host waited %lu times, not for the norm and the losses alone", step,
                  shim_waits() - waits);
            to_host(&r[i], r[i].grad);
            waits = shim_waits ? shim_waits() : 0;
            optim_step(&r[i].opt, &r[i].w, r[i].grad, r[i].norm, 1e-3 * (step + 1), 1);
            CHECK(!shim_waits || step < 2 || shim_waits() == waits,
                  "step %d: the host waits for the optimizer", step);
        }
        double far = distance(r[1].host, r[0].host, n), loss = distance(r[1].loss, r[0].loss, B * T);
        CHECK(far < (!f32   ? 4e-2
                     : muon ? 2e-3
                            : 2e-4),
              "step %d: gradients differ by %g of their length", step, far);
        CHECK(loss < (!f32 ? 5e-3 : muon ? 1e-4 : 1e-5), "step %d: losses differ by %g", step, loss);
        CHECK(fabs(r[1].norm / r[0].norm - 1) < (f32 ? 1e-4 : 2e-2), "step %d: norm %g, want %g", step,
              r[1].norm, r[0].norm);
    }
    for (int i = 0; i < 2; i++) {
        to_host(&r[i], r[i].w.theta);
        for (size_t k = 0; k < n; k++)
            moved[i][k] = r[i].host[k] - first[k];
    }
    double far = distance(moved[1], moved[0], n);
    printf("%s%s%s%s: after %d steps the updates differ by %.2g\n", f32 ? "f32" : "bf16", muon ? " muon" : "",
           mode == ACT_RECOMPUTE ? " recompute" : "", eos >= 0 ? " documents" : "", STEPS, far);
    CHECK(far < (f32 ? 2e-2 : 0.2), "after %d steps the updates differ by %g", STEPS, far);
    for (int i = 0; i < 2; i++)
        run_close(&r[i]);
}

/* Layers that join after steps of a shallow model were recorded: what is replayed then is of the deep one. */
static void growing(void)
{
    struct run r[2];
    for (int i = 0; i < 2; i++) {
        run_open(&r[i], tables[i], DTYPE_F32, ACT_TRAIN, false);
        CHECK(r[i].w.c.L > 1 && weights_silence(&r[i].w, 1) == 0);
        r[i].w.depth = 1;
    }
    for (uint32_t step = 0; step < 8; step++) {
        for (int i = 0; i < 2; i++)
            r[i].w.depth = step < 4 ? 1 : r[i].w.c.L;
        step_all(r, 2, 50 + step, -1);
        const struct param *p = params_find(&r[0].w.layout, PARAM_DOWN, r[0].w.c.L - 1);
        double far = distance(r[1].host, r[0].host, r[0].w.layout.total), sum = 0;
        for (size_t k = p->offset; k < p->offset + p->n; k++)
            sum += (double)fabsf(r[1].host[k]);
        CHECK(far < 2e-4, "step %d: gradients differ by %g of their length", (int)step, far);
        CHECK((sum > 0) == (step >= 4), "step %d: the last layer's gradient is %g", (int)step, sum);
    }
    for (int i = 0; i < 2; i++)
        run_close(&r[i]);
}

/* The first gradient of way 0 is what all others must be, bit for bit. */
static void four_gradients(struct run *r, float *want, const char *what, int way)
{
    int32_t tokens[B * (T + 1)];
    fill_tokens(tokens, B * (T + 1), 3);
    for (int i = 0; i < 4; i++) {
        gradient(r, tokens, EOS);
        to_host(r, r->grad);
        if (way == 0 && i == 0)
            memcpy(want, r->host, r->w.layout.total * sizeof *want);
        CHECK(memcmp(want, r->host, r->w.layout.total * sizeof *want) == 0, "time %d, %s %d: other bits", i,
              what, way);
    }
}

/* Done, recorded, replayed; kept or computed again; in one process or the next: the same bits. */
static void same_bits(enum dtype act)
{
    static float want[MAX_WEIGHTS];
    for (int mode = 0; mode < 2; mode++) {
        struct run r;
        run_open(&r, tables[1], act, mode ? ACT_RECOMPUTE : ACT_TRAIN, false);
        four_gradients(&r, want, "mode", mode);
        run_close(&r);
    }
}

/* Graphs that cannot be begun, made or launched: the ops are done all the same, each once, and nothing has
 * failed. */
static void without_graphs(void)
{
    static const enum shim_fault faults[] = {SHIM_NO_FAULT, SHIM_NO_RECORDING, SHIM_RECORDING_LOST,
                                             SHIM_GRAPH_REFUSED};
    int32_t tokens[B * (T + 1)];
    static float want[MAX_WEIGHTS];
    float logits[2][53];
    fill_tokens(tokens, B * (T + 1), 3);
    for (size_t f = 0; f < sizeof faults / sizeof *faults; f++) {
        struct run r;
        run_open(&r, tables[1], DTYPE_F32, ACT_TRAIN, false);
        struct kv_cache *kv = kv_cache_alloc(&r.w, 1, 8, err, sizeof err);
        size_t graph_calls = shim_graph_calls();
        shim_fault(faults[f]);
        four_gradients(&r, want, "fault", (int)f);
        for (int i = 0; i < 4; i++)
            model_extend(&r.w, kv, 0, tokens + i, 1, logits[f > 0]);
        CHECK(memcmp(logits[0], logits[f > 0], sizeof *logits) == 0, "fault %zu: other logits", f);
        CHECK((shim_graph_calls() > graph_calls) == (f == 0), "fault %zu: graphs", f);
        shim_fault(SHIM_NO_FAULT);
        kv_cache_free(kv);
        run_close(&r);
    }
}

/* On a GPU that lacks what the choice wants, or beside a library that does, there is nothing to test; else
 * nothing excuses it. */
static bool here(enum choice choice)
{
    static const char *const excuses[] = {"is missing", "is too old", "before 9.16", "compute capability"};
    struct device *dev = tables[1]->open(DTYPE_BF16, 1, err, sizeof err);
    bool can = choose(tables[1], dev, choice) == 0, excused = can;
    tables[1]->close(dev);
    for (size_t i = 0; i < sizeof excuses / sizeof *excuses; i++)
        excused |= strstr(err, excuses[i]) != NULL;
    CHECK(excused, "%s", err);
    if (!can)
        printf("left out: %s\n", err);
    return can;
}

/* The choice does not go with f32 activations, nor with the CPU. */
static void refused(enum choice choice, const char *with_f32, const char *with_cpu)
{
    for (int i = 0; i < 2; i++) {
        struct device *dev = tables[i]->open(i ? DTYPE_F32 : DTYPE_BF16, 1, err, sizeof err);
        CHECK(choose(tables[i], dev, choice) == -1 && strstr(err, i ? with_f32 : with_cpu), "%s", err);
        tables[i]->close(dev);
    }
}

/* Steps with hidden layers in fp8 beside the same in bf16; twice, for the bits. Formats of 3 and 2 bits of
 * mantissa err by 3 and 6 % an operand, in all directions. */
static void fp8_steps(void)
{
    struct run r[3];
    refused(FP8, "bf16", "9.0");
    for (int i = 0; i < 3; i++)
        run_open_with(&r[i], tables[1], DTYPE_BF16, i == 2 ? ACT_RECOMPUTE : ACT_TRAIN, false,
                      i > 0 ? FP8 : PLAIN);
    size_t n = r[0].w.layout.total;
    for (int step = 0; step < STEPS; step++) {
        step_all(r, 3, 300 + (uint32_t)step, EOS);
        double far = distance(r[1].host, r[0].host, n), loss = distance(r[1].loss, r[0].loss, B * T);
        CHECK(far > 5e-3 && far < 0.15, "step %d: gradients in fp8 and bf16 differ by %g of their length",
              step, far);
        CHECK(loss < 1e-2, "step %d: losses in fp8 and bf16 differ by %g", step, loss);
        CHECK(memcmp(r[1].host, r[2].host, n * sizeof *r->host) == 0, "step %d: other bits", step);
        if (step == STEPS - 1)
            printf("fp8: gradients differ by %.2g from those of bf16, losses by %.2g\n", far, loss);
    }
    for (int i = 0; i < 3; i++)
        run_close(&r[i]);
}

/* Steps with attention by cuDNN beside the same without, done, recorded and replayed; with document masks it
 * is the same attention. */
static void cudnn_steps(int eos)
{
    struct run r[2];
    refused(CUDNN, "bf16", "GPU");
    for (int i = 0; i < 2; i++)
        run_open_with(&r[i], tables[1], DTYPE_BF16, i ? ACT_RECOMPUTE : ACT_TRAIN, false, i ? CUDNN : PLAIN);
    CHECK(strstr(r[1].o->describe(r[1].dev), ", attention by cuDNN 9."), "%s", r[1].o->describe(r[1].dev));
    size_t n = r[0].w.layout.total;
    for (int step = 0; step < STEPS; step++) {
        step_all(r, 2, 500 + (uint32_t)step, eos);
        double far = distance(r[1].host, r[0].host, n), loss = distance(r[1].loss, r[0].loss, B * T);
        CHECK(far < 2e-2 && loss < 2e-3, "step %d: gradients differ by %g of their length, losses by %g",
              step, far, loss);
        CHECK((far == 0) == (eos >= 0), "step %d: %s", step,
              eos < 0 ? "the same bits: cuDNN had no part" : "other bits with document masks");
        if (step == STEPS - 1)
            printf("cuDNN%s: gradients differ by %.2g, losses by %.2g\n", eos < 0 ? "" : ", document masks",
                   far, loss);
    }
    for (int i = 0; i < 2; i++)
        run_close(&r[i]);
}

/* No library, no plan, other results, a plan that does not run: told when it is chosen. */
static void cudnn_refused(void)
{
    static const struct {
        enum shim_fault fault;
        const char *why;
    } faults[] = {
        {SHIM_NO_CUDNN, "no cuDNN for tests"},
        {SHIM_CUDNN_OLD, "cuDNN 9.10.1 is too old"},
        {SHIM_CUDNN_BEFORE_16,
         "cuDNN 9.15.1 has no attention for 1 of 2 heads of 64, 1 x 16 tokens, forward (before 9.16"},
        {SHIM_CUDNN_NO_PLAN, "cuDNN 9.19.0 has no attention for 1 of 2 heads of 64, 1 x 16 tokens, forward "
                             "(no kernel: the twin's reason)"},
        {SHIM_CUDNN_WRONG, "cuDNN 9.19.0 computes other outputs: they differ by"},
        {SHIM_CUDNN_REFUSES, "cuDNN 9.19.0: attention, forward: NOT_SUPPORTED: the twin's reason"},
        {SHIM_NO_MEMORY, "no memory"}};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct device *dev = tables[1]->open(DTYPE_BF16, 1, err, sizeof err);
        shim_fault(faults[i].fault);
        CHECK(choose(tables[1], dev, CUDNN) == -1 && strstr(err, faults[i].why), "fault %zu: %s", i, err);
        CHECK(!strstr(tables[1]->describe(dev), "cuDNN"), "%s", tables[1]->describe(dev));
        shim_fault(SHIM_NO_FAULT);
        CHECK(!tables[1]->error(dev) && choose(tables[1], dev, CUDNN) == 0,
              "fault %zu: the device cannot go on", i);
        tables[1]->close(dev);
    }
}

/* One that fails in the first step, has no plan for its shape, or fails in the second, which is recorded: an
 * error of the device. */
static void cudnn_fails(void)
{
    static const enum shim_fault faults[] = {SHIM_CUDNN_REFUSES, SHIM_CUDNN_NO_PLAN, SHIM_CUDNN_REFUSES};
    static const char *const errors[] = {"NOT_SUPPORTED: the twin's reason",
                                         "no attention for 1 of 2 heads of 64, 2 x 16 tokens, forward",
                                         "NOT_SUPPORTED: the twin's reason"};
    int32_t tokens[B * (T + 1)];
    struct run r;
    fill_tokens(tokens, B * (T + 1), 3);
    for (int i = 0; i < 3; i++) {
        run_open_with(&r, tables[1], DTYPE_BF16, ACT_TRAIN, false, CUDNN);
        if (i == 2)
            gradient(&r, tokens, -1);
        CHECK(!r.o->error(r.dev), "%s", r.o->error(r.dev));
        shim_fault(faults[i]);
        gradient(&r, tokens, -1);
        shim_fault(SHIM_NO_FAULT);
        CHECK(r.o->error(r.dev) && strstr(r.o->error(r.dev), errors[i]), "fault %d: %s", i,
              r.o->error(r.dev) ? r.o->error(r.dev) : "no error");
        run_free(&r);
    }
}

/* A prompt, then token by token past the length at which the recorded ops change. */
static void generation(enum dtype act)
{
    enum { PROMPT = 250, ALL = 290 };
    int32_t tokens[ALL];
    struct run r[2];
    struct kv_cache *kv[2];
    float logits[2][53];
    fill_tokens(tokens, ALL, 9);
    for (int i = 0; i < 2; i++) {
        run_open(&r[i], tables[i], act, ACT_FORWARD, false);
        kv[i] = kv_cache_alloc(&r[i].w, 1, ALL, err, sizeof err);
        CHECK(kv[i], "%s", err);
        model_extend(&r[i].w, kv[i], 0, tokens, PROMPT, logits[i]);
    }
    for (int t = PROMPT; t < ALL; t++) {
        double far = distance(logits[1], logits[0], 53);
        CHECK(far < (act == DTYPE_F32 ? 1e-4 : 5e-2), "token %d: logits differ by %g", t, far);
        for (int i = 0; i < 2; i++)
            model_extend(&r[i].w, kv[i], 0, tokens + t, 1, logits[i]);
    }
    for (int i = 0; i < 2; i++) {
        kv_cache_free(kv[i]);
        run_close(&r[i]);
    }
}

/* Sizes around those of the pinned buffers; bytes that come later are those of the moment of the call. */
static void transfers(void)
{
    enum { MOST = (5 << 20) + 3, MANY = 150, EACH = 40000 };
    const struct ops *o = tables[1];
    struct device *dev = o->open(DTYPE_F32, 1, err, sizeof err);
    unsigned char *a = malloc(MOST), *b = malloc(MOST), *there = o->alloc(dev, MOST);
    CHECK(dev && a && b && there, "%s", err);
    o->download(dev, b, there, MOST);
    for (size_t i = 0; i < MOST; i++)
        CHECK(b[i] == 0, "alloc gives zeros");
    static const size_t sizes[] = {1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, MOST};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        for (size_t i = 0; i < sizes[k]; i++)
            a[i] = (unsigned char)(i * 7 + i / 251 + k);
        o->upload(dev, there, a, sizes[k]);
        memset(a, 0, 1); /* the caller's again */
        o->download(dev, b, there, sizes[k]);
        CHECK(b[0] == (unsigned char)k &&
                  b[sizes[k] - 1] == (unsigned char)((sizes[k] - 1) * 7 + (sizes[k] - 1) / 251 + k),
              "%zu bytes", sizes[k]);
        CHECK(memcmp(a + 1, b + 1, sizes[k] - 1) == 0, "%zu bytes", sizes[k]);
    }
    for (int i = 0; i < MANY; i++) { /* more than are kept at once */
        memset(a, i, EACH);
        o->upload(dev, there, a, EACH);
        o->download_later(dev, b + (size_t)i % 100 * EACH, there, EACH);
    }
    o->zero(dev, there, EACH);
    o->sync(dev);
    for (int i = MANY - 100; i < MANY; i++)
        CHECK(b[(size_t)i % 100 * EACH] == i && b[(size_t)i % 100 * EACH + EACH - 1] == i, "later, %d", i);
    size_t total, left = o->memory(dev, &total);
    CHECK(left <= total && total > 0 && !o->alloc(dev, total + (1 << 20)), "more memory than there is");
    CHECK(!o->error(dev), "%s", o->error(dev));
    o->free(dev, there);
    o->close(dev);
    free(a);
    free(b);
}

/* The ops that extrapolate weights: spans of odd lengths in two groups, fewer directions than there may be.
 */
static void extrapolation(enum dtype act)
{
    enum { N = 20000, SPANS = 4, GROUPS = 2, K = 3 };
    const struct span spans[SPANS] = {{0, 9000, 1}, {9008, 33, 0}, {9100, 1, 1}, {9200, 10001, 0}};
    const float c[GROUPS * K] = {0.5f, -1, 0.25f, 2, 0.125f, -0.75f};
    static float host[7][N], got[2][7][N];
    double gram[2][2][GROUPS * (K + 1) * (K + 1)];
    uint32_t state = 5;
    for (int j = 0; j < 7; j++)
        for (int i = 0; i < N; i++)
            host[j][i] = (float)next_random(&state) * 0x1p-23f - 1;
    for (int b = 0; b < 2; b++) {
        const struct ops *o = tables[b];
        struct device *dev = o->open(act, 1, err, sizeof err);
        float *f[4], *staged = o->alloc(dev, N * sizeof(float)); /* f32: theta, mean, x, y */
        void *D[K + 1];                                          /* act: the directions, the working copy */
        for (int j = 0; j < 4; j++)
            o->upload(dev, f[j] = o->alloc(dev, N * sizeof(float)), host[j], N * sizeof(float));
        for (int j = 0; j < K; j++) {
            D[j] = o->alloc(dev, N * dtype_bytes(act));
            o->upload(dev, staged, host[4 + j], N * sizeof(float));
            o->to_act(dev, D[j], staged, N);
        }
        D[K] = o->alloc(dev, N * dtype_bytes(act));
        o->ema_step(dev, f[0], D[K], f[1], N - 3, 0.9f, 0.5f);
        o->ema_step(dev, f[0], NULL, f[1], N - 3, 0.9f, 0);
        o->combine(dev, f[3], act == DTYPE_F32 ? (void *)f[3] : D[K], f[2], (const void *const *)D, K, c,
                   spans, SPANS);
        o->gram(dev, gram[b][0], (const void *const *)D, K, f[0], f[2], spans, SPANS, GROUPS);
        o->direction(dev, D[1], 0.5f, 2, f[0], f[2], (const void *const *)D, K, c, spans, SPANS);
        o->gram(dev, gram[b][1], (const void *const *)D, K - 1, f[3], NULL, spans, SPANS, GROUPS);
        const float *read[] = {f[0], f[1], f[3]};
        for (int j = 0; j < 3; j++)
            o->download(dev, got[b][j], read[j], N * sizeof(float));
        for (int j = 0; j < 4; j += 1) {
            o->to_f32(dev, staged, D[j], N);
            o->download(dev, got[b][3 + j], staged, N * sizeof(float));
        }
        CHECK(!o->error(dev), "%s", o->error(dev));
        for (int j = 0; j < 4; j++) {
            o->free(dev, f[j]);
            o->free(dev, D[j]);
        }
        o->free(dev, staged);
        o->close(dev);
    }
    for (int j = 0; j < 7; j++)
        CHECK(distance(got[1][j], got[0][j], N) < (act == DTYPE_F32 ? 1e-6 : 1e-4), "array %d differs by %g",
              j, distance(got[1][j], got[0][j], N));
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < GROUPS * (K + 1 - k) * (K + 1 - k); i++)
            CHECK(fabs(gram[1][k][i] - gram[0][k][i]) < 1e-5 * N, "inner product %d: %g, want %g", i,
                  gram[1][k][i], gram[0][k][i]);
}

/* Every op that wants scratch, on a device that has no memory left for it: nothing is launched over it, and
 * the reason is told. */
static void no_scratch(void)
{
    enum { N = 64, H = 4, D = 16 };
    const struct ops *o = tables[1];
    struct attention_shape s = {.B = 1, .T = N, .H = H, .Hkv = H, .D = D};
    const struct span span = {.n = N};
    double gram[4];
    for (int i = 0; i < 8; i++) {
        struct device *dev = o->open(DTYPE_F32, 1, err, sizeof err);
        float *x = o->alloc(dev, 3 * N * H * D * sizeof *x);
        int32_t *ids = o->alloc(dev, N * sizeof *ids);
        const void *const direction = x;
        const struct attention sequence = {x, x, NULL, s};
        const struct qk_norm_rope heads = {x, x, x, x, ids, N, H, H, D};
        CHECK(dev && x && ids, "%s", err);
        shim_fault(SHIM_NO_MEMORY);
        if (i == 0)
            CHECK(isnan(o->dot(dev, x, x, N)) && isnan(o->sum_squares(dev, x, N)), "sums");
        else if (i == 7)
            o->normalise(dev, x, 0, N);
        else if (i == 1)
            o->embedding_backward(dev, x, x, ids, N, D, N);
        else if (i == 2)
            o->rmsnorm_backward(dev, x, x, x, x, x, x, N, D, true);
        else if (i == 3)
            o->qk_norm_rope_backward(dev, x, x, x, x, x, &heads, true);
        else if (i == 4)
            o->attention_backward(dev, x, x, x, x, x, &sequence);
        else if (i == 5)
            o->attention_cached(dev, x, x, x, x, 1, N - 1, NULL, H, H, D);
        else
            o->gram(dev, gram, &direction, 1, x, NULL, &span, 1, 1);
        CHECK(i != 6 || (isnan(gram[0]) && isnan(gram[1]) && isnan(gram[3])), "inner products");
        o->sync(dev);
        const char *failed = o->error(dev);
        CHECK(failed && strcmp(failed, "no memory for scratch") == 0, "op %d: %s", i,
              failed ? failed : "no error");
        shim_fault(SHIM_NO_FAULT);
        o->free(dev, x);
        o->free(dev, ids);
        o->close(dev);
    }
}

/* A head too wide is refused where the model is made, not by an assert of its first step. */
static void wide_heads(void)
{
    struct model_config c = small(DTYPE_F32);
    struct device *dev = tables[1]->open(DTYPE_F32, 1, err, sizeof err);
    struct weights w;
    CHECK(dev, "%s", err);
    c.D = 256;
    CHECK(weights_alloc(&w, tables[1], dev, DTYPE_F32, &c, err, sizeof err) == 0, "%s", err);
    weights_free(&w);
    c.D = 258;
    CHECK(weights_alloc(&w, tables[1], dev, DTYPE_F32, &c, err, sizeof err) == -1 &&
              strstr(err, "cuda takes 256 at most"),
          "%s", err);
    tables[1]->close(dev);
}

/* The memory that train counts for 1b at its whole context, with weights and state in bf16 and layers
 * recomputed, fits with the reserve that it leaves free: cards of 16 GB give 15.5e9 bytes or more to one
 * program. */
static void fits_16_gb(void)
{
    struct model_config c;
    struct params layout;
    struct device *dev = tables[1]->open(DTYPE_BF16, 1, err, sizeof err);
    CHECK(dev && model_preset("1b", &c) == 0 && params_layout(&layout, &c) == 0, "%s", err);
    size_t weights = weights_bytes(&layout, &c, DTYPE_BF16, true),
           state = optim_bytes(&layout, layout.total, DTYPE_BF16, false, true);
    size_t gradient = layout.total * sizeof(float),
           scratch = model_scratch_bytes(tables[1], dev, &c, DTYPE_BF16, 1, c.T);
    size_t activations = activations_bytes(tables[1], &c, DTYPE_BF16, 1, c.T, ACT_RECOMPUTE);
    size_t all = weights + state + gradient + activations + scratch;
    printf("1b, 1 x %d tokens: weights %.2f GB, state %.2f, gradient %.2f, activations %.2f, scratch %.2f: "
           "%.2f\n",
           c.T, (double)weights / 1e9, (double)state / 1e9, (double)gradient / 1e9, (double)activations / 1e9,
           (double)scratch / 1e9, (double)all / 1e9);
    CHECK(all + (512 << 20) < (size_t)15500000000, "%zu bytes", all);
    params_free(&layout);
    tables[1]->close(dev);
}

int main(void)
{
    test_begin(280);
    tables[0] = ops_cpu();
    tables[1] = ops_cuda(err, sizeof err);
    if (!tables[1])
        SKIP("no CUDA: %s", err);
    transfers();
    if (shim_fault) {
        no_scratch();
        without_graphs();
        cudnn_refused();
        cudnn_fails();
    }
    fits_16_gb();
    wide_heads();
    steps_agree(DTYPE_F32, ACT_TRAIN, false, -1);
    steps_agree(DTYPE_F32, ACT_RECOMPUTE, true, EOS);
    steps_agree(DTYPE_BF16, ACT_TRAIN, true, -1);
    steps_agree(DTYPE_BF16, ACT_RECOMPUTE, false, EOS);
    growing();
    same_bits(DTYPE_F32);
    same_bits(DTYPE_BF16);
    generation(DTYPE_F32);
    generation(DTYPE_BF16);
    if (here(FP8))
        fp8_steps();
    if (here(CUDNN)) {
        cudnn_steps(-1);
        cudnn_steps(EOS);
    }
    extrapolation(DTYPE_F32);
    extrapolation(DTYPE_BF16);
    if (shim_graph_calls)
        printf("%zu calls were done through graphs\n", shim_graph_calls());
    CHECK(!shim_graph_calls || shim_graph_calls() > 2000, "too little was replayed");
    return 0;
}
