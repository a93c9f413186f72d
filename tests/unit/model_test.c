/*
 * model_test - the whole model on the CPU: gradients, masks, cache, memory, learning
 */
#include "pipeline/model/forward.h"
#include "tests/check.h"

#include <math.h>
#include <omp.h>
#include <string.h>

static struct device *dev_f32, *dev_bf16;

/* A small model with every feature: grouped queries, head width unlike C/H, odd sizes where the layout allows
 * them. */
static struct model_config small(bool tied)
{
    return (struct model_config){.L = 2,
                                 .C = 32,
                                 .H = 4,
                                 .Hkv = 2,
                                 .D = 6,
                                 .F = 40,
                                 .T = 200,
                                 .V = 53,
                                 .tied = tied,
                                 .eps = 1e-6f,
                                 .rope_theta = 1e4};
}

static uint64_t random_state;

static uint32_t next_random(void) /* PCG, O'Neill 2014 */
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    uint32_t x = (uint32_t)(((random_state >> 18) ^ random_state) >> 27);
    int r = (int)(random_state >> 59);
    return (x >> r) | (x << (-r & 31));
}

static void random_tokens(int32_t *t, size_t n, int V)
{
    for (size_t i = 0; i < n; i++)
        t[i] = (int32_t)(next_random() % (uint32_t)V);
}

static void make(struct weights *w, const struct model_config *c, enum dtype act, uint64_t seed)
{
    char err[256];
    const struct ops *o = ops_cpu();
    CHECK(weights_alloc(w, o, act == DTYPE_F32 ? dev_f32 : dev_bf16, act, c, err, sizeof err) == 0, "%s",
          err);
    CHECK(weights_init(w, seed) == 0);
}

/* Larger weights than training begins with, and gains unlike 1: so that every path carries a signal. */
static void roughen(struct weights *w)
{
    float *host = malloc(w->layout.total * sizeof *host);
    w->ops->download(w->dev, host, w->theta, w->layout.total * sizeof *host);
    for (size_t i = 0; i < w->layout.count; i++) {
        const struct param *p = &w->layout.v[i];
        for (size_t k = p->offset; k < p->offset + p->n; k++)
            host[k] =
                param_is_matrix(p) ? host[k] * 12 : 1 + 0.3f * ((float)(next_random() % 2001) / 1000 - 1);
    }
    w->ops->upload(w->dev, w->theta, host, w->layout.total * sizeof *host);
    weights_publish(w);
    free(host);
}

static struct activations *acts(const struct weights *w, int B, int T, enum activations_mode mode)
{
    char err[256];
    struct activations *a = activations_alloc(w, B, T, mode, err, sizeof err);
    CHECK(a, "%s", err);
    return a;
}

static double sum_loss(const struct weights *w, struct activations *a, const int32_t *tokens, int B, int T,
                       int eos, float *grad, float scale)
{
    float loss[1024];
    double sum = 0;
    CHECK(B * T <= 1024);
    model_run(w, a, tokens, B, T, eos, loss, grad, scale);
    for (int i = 0; i < B * T; i++) {
        CHECK(loss[i] >= 0 && isfinite(loss[i]), "loss %d is %g", i, (double)loss[i]);
        sum += loss[i];
    }
    return sum;
}

/* Loss with theta of tensor p moved by h * direction. */
static double moved_loss(struct weights *w, struct activations *a, const int32_t *tokens, int B, int T,
                         int eos, const struct param *p, const float *theta, const float *direction, double h)
{
    float *host = malloc(p->n * sizeof *host);
    for (size_t k = 0; k < p->n; k++)
        host[k] = (float)(theta[k] + h * direction[k]);
    w->ops->upload(w->dev, w->theta + p->offset, host, p->n * sizeof *host);
    weights_publish(w);
    double loss = sum_loss(w, a, tokens, B, T, eos, NULL, 0);
    w->ops->upload(w->dev, w->theta + p->offset, theta, p->n * sizeof *host);
    weights_publish(w);
    free(host);
    return loss;
}

/* Each tensor's gradient along random directions of +-1, against (L(+h) - L(-h)) / 2h. */
static void gradients(const char *name, struct model_config c)
{
    enum { B = 2, T = 7, EOS = 3 };
    struct weights w;
    random_state = 11 + c.tied;
    make(&w, &c, DTYPE_F32, 5);
    roughen(&w);
    struct ops ops = *w.ops;
    ops.logit_bytes =
        3 * (size_t)c.V * sizeof(float); /* logits of three rows at a time: the last chunk has two */
    w.ops = &ops;
    struct activations *a = acts(&w, B, T, true);
    int32_t tokens[B * (T + 1)];
    random_tokens(tokens, B * (T + 1), c.V);
    tokens[3] = EOS;        /* a document ends inside the first sequence */
    tokens[T + 1 + T] = -1; /* and the last target does not count */
    size_t n = w.layout.total;
    float *grad = w.ops->alloc(w.dev, n * sizeof *grad), *theta = malloc(n * sizeof *theta),
          *g = malloc(n * sizeof *g);
    const float scale = 0.25f;
    float loss[B * T];
    for (size_t i = 0; i < n; i++)
        g[i] = NAN; /* earlier contents must not matter */
    w.ops->upload(w.dev, grad, g, n * sizeof *g);
    sum_loss(&w, a, tokens, B, T, EOS, grad, scale);
    model_submit(&w, a, tokens, B, T, EOS, loss, grad, scale, true); /* once more, adding to the gradient */
    w.ops->sync(w.dev);
    w.ops->download(w.dev, g, grad, n * sizeof *g);
    w.ops->download(w.dev, theta, w.theta, n * sizeof *theta);
    double worst = 0;
    for (size_t i = 0; i < w.layout.count; i++) {
        const struct param *p = &w.layout.v[i];
        double norm = 0;
        for (size_t k = p->offset; k < p->offset + p->n; k++)
            norm += (double)g[k] * g[k] / (4 * scale * scale);
        norm = sqrt(norm);
        CHECK(norm > 1e-3, "%s has no gradient", p->name);
        for (int round = 0; round < 3; round++) {
            float *direction = malloc(p->n * sizeof *direction);
            double along = 0,
                   h = 0.016 / sqrt((double)p->n); /* found by trial: between rounding and curvature */
            for (size_t k = 0; k < p->n; k++) {
                direction[k] = next_random() & 1 ? 1 : -1;
                along += (double)g[p->offset + k] / (2 * (double)scale) * direction[k];
            }
            double up = moved_loss(&w, a, tokens, B, T, EOS, p, theta + p->offset, direction, h);
            double down = moved_loss(&w, a, tokens, B, T, EOS, p, theta + p->offset, direction, -h);
            double difference = (up - down) / (2 * h);
            double off = fabs(difference - along) / norm;
            worst = off > worst ? off : worst;
            CHECK(off < 0.005, "%s: gradient along a direction %g, by differences %g (norm %g)", p->name,
                  along, difference, norm);
            free(direction);
        }
    }
    printf("gradients, %s: off by at most %.2g of the norm\n", name, worst);
    w.ops->free(w.dev, grad);
    free(theta);
    free(g);
    activations_free(a);
    weights_free(&w);
}

static double largest_difference(const float *x, const float *y, size_t n)
{
    double d = 0;
    for (size_t i = 0; i < n; i++)
        d = fmax(d, fabs((double)x[i] - y[i]));
    return d;
}

static void causality(void)
{
    enum { T = 33, CHANGED = 20 };
    struct model_config c = small(true);
    struct weights w;
    random_state = 21;
    make(&w, &c, DTYPE_F32, 6);
    roughen(&w);
    struct activations *a = acts(&w, 1, T, false);
    int32_t tokens[T];
    size_t V = (size_t)c.V;
    float *before = malloc(T * V * sizeof *before), *after = malloc(T * V * sizeof *after);
    random_tokens(tokens, T, c.V);
    model_logits(&w, a, tokens, 1, T, before);
    tokens[CHANGED] = (tokens[CHANGED] + 1) % c.V;
    model_logits(&w, a, tokens, 1, T, after);
    CHECK(largest_difference(before, after, CHANGED * V) == 0, "an earlier logit changed");
    CHECK(largest_difference(before + CHANGED * V, after + CHANGED * V, V) > 1e-3,
          "the token itself has no effect");
    CHECK(largest_difference(before + (T - 1) * V, after + (T - 1) * V, V) > 1e-4,
          "attention carries nothing");
    free(before);
    free(after);
    activations_free(a);
    weights_free(&w);
}

/* Two documents in a row, masked, lose what each alone loses; unmasked the second sees the first. */
static void document_mask(void)
{
    enum { FIRST = 9, SECOND = 14, T = FIRST + SECOND, EOS = 3 };
    struct model_config c = small(true);
    struct weights w;
    random_state = 31;
    make(&w, &c, DTYPE_F32, 7);
    roughen(&w);
    struct activations *a = acts(&w, 2, T, false);
    int32_t tokens[T + 1];
    float both[T], alone[T], unmasked[T];
    random_tokens(tokens, T + 1, c.V);
    for (int i = 0; i <= T; i++)
        tokens[i] += tokens[i] == EOS;
    tokens[FIRST - 1] = EOS;
    model_run(&w, a, tokens, 1, T, EOS, both, NULL, 0);
    model_run(&w, a, tokens, 1, T, -1, unmasked, NULL, 0);
    model_run(&w, a, tokens, 1, FIRST, -1, alone, NULL, 0);
    CHECK(largest_difference(both, alone, FIRST) < 1e-4);
    model_run(&w, a, tokens + FIRST, 1, SECOND, -1, alone, NULL, 0);
    CHECK(largest_difference(both + FIRST, alone, SECOND) < 1e-4, "the mask leaks");
    CHECK(largest_difference(unmasked + FIRST, alone, SECOND) > 1e-2, "without the mask nothing is seen");
    activations_free(a);
    weights_free(&w);
}

static void cache(enum dtype act, double tolerance)
{
    enum { T = 180 };
    static const int pieces[] = {5, 1, 1, 140, 1, 30, 2};
    struct model_config c = small(false);
    struct weights w;
    char err[256];
    random_state = 41;
    make(&w, &c, act, 8);
    roughen(&w);
    struct activations *a = acts(&w, 1, T, false);
    struct kv_cache *kv = kv_cache_alloc(&w, 1, T, err, sizeof err);
    CHECK(kv, "%s", err);
    CHECK(!kv_cache_alloc(&w, 1, c.T + 1, err, sizeof err) && strstr(err, "context"),
          "a cache beyond the context");
    int32_t tokens[T];
    size_t V = (size_t)c.V;
    float *full = malloc(T * V * sizeof *full), *last = malloc(V * sizeof *last);
    random_tokens(tokens, T, c.V);
    model_logits(&w, a, tokens, 1, T, full);
    double worst = 0;
    for (int round = 0; round < 2; round++) { /* again after going back to token 6 */
        int at = kv_cache_len(kv, 0);
        for (size_t i = round ? 1 : 0; i < sizeof pieces / sizeof *pieces; i++) {
            model_extend(&w, kv, 0, tokens + at, pieces[i], last);
            at += pieces[i];
            worst = fmax(worst, largest_difference(full + (size_t)(at - 1) * V, last, V));
        }
        CHECK(at == T && kv_cache_len(kv, 0) == T);
        kv_cache_truncate(kv, 0, 5);
    }
    printf("cached logits differ by at most %.2g\n", worst);
    CHECK(worst < tolerance, "cached logits differ by %g", worst);
    free(full);
    free(last);
    kv_cache_free(kv);
    activations_free(a);
    weights_free(&w);
}

static void overfits(enum dtype act)
{
    enum { B = 2, T = 16, STEPS = 60 };
    struct model_config c = small(true);
    struct weights w;
    random_state = 51;
    make(&w, &c, act, 9);
    struct activations *a = acts(&w, B, T, true);
    const struct ops *o = w.ops;
    size_t n = w.layout.total, bytes = n * sizeof(float);
    float *g = o->alloc(w.dev, bytes), *m = o->alloc(w.dev, bytes), *v = o->alloc(w.dev, bytes);
    int32_t tokens[B * (T + 1)];
    random_tokens(tokens, B * (T + 1), c.V);
    double first = 0, last = 0;
    for (int step = 1; step <= STEPS; step++) {
        last = sum_loss(&w, a, tokens, B, T, -1, g, 1.0f / (B * T)) / (B * T);
        first = step == 1 ? last : first;
        struct adamw p = {.lr = 1e-2f, .beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f, .grad_scale = 1};
        p.bias1 = 1 - powf(p.beta1, (float)step);
        p.bias2 = 1 - powf(p.beta2, (float)step);
        o->adamw_step(w.dev, w.theta, w.work, m, v, g, n, p);
    }
    printf("overfitting one batch, %s: %.3f -> %.6f\n", act == DTYPE_F32 ? "f32" : "bf16", first, last);
    CHECK(fabs(first - log(c.V)) < 0.1, "a fresh model is not uniform: %g", first);
    CHECK(last < 0.05, "loss %g after %d steps", last, STEPS);
    o->free(w.dev, g);
    o->free(w.dev, m);
    o->free(w.dev, v);
    activations_free(a);
    weights_free(&w);
}

/* Layers computed again in the backward pass give the bits of layers that were kept. */
static void recompute_same_bits(enum dtype act)
{
    enum { B = 2, T = 37 };
    struct model_config c = small(false);
    struct weights w;
    int32_t tokens[B * (T + 1)];
    c.L = 4;
    random_state = 61;
    make(&w, &c, act, 10);
    roughen(&w);
    random_tokens(tokens, B * (T + 1), c.V);
    size_t bytes = w.layout.total * sizeof(float);
    float *kept = malloc(bytes), *again = malloc(bytes), *g = w.ops->alloc(w.dev, bytes);
    double loss[2];
    for (int i = 0; i < 2; i++) {
        struct activations *a = acts(&w, B, T, i ? ACT_RECOMPUTE : ACT_TRAIN);
        loss[i] = sum_loss(&w, a, tokens, B, T, 5, g, 0.01f);
        w.ops->download(w.dev, i ? again : kept, g, bytes);
        activations_free(a);
    }
    CHECK(loss[0] == loss[1] && memcmp(kept, again, bytes) == 0, "recomputed layers give other gradients");
    w.ops->free(w.dev, g);
    weights_free(&w);
    free(kept);
    free(again);
}

/* Layers that wait are exact identities: the model of full depth has the loss and the gradients of the
 * shallow one, bit for bit, and what the shallow one is trained with leaves them alone. */
static void waiting_layers(enum dtype act)
{
    enum { B = 2, T = 37, DEPTH = 2 };
    struct model_config c = small(true);
    struct weights w;
    int32_t tokens[B * (T + 1)];
    c.L = 5;
    random_state = 71;
    make(&w, &c, act, 12);
    roughen(&w);
    CHECK(weights_silence(&w, DEPTH) == 0);
    random_tokens(tokens, B * (T + 1), c.V);
    size_t n = w.layout.total, first = params_find(&w.layout, PARAM_NORM_ATTN, DEPTH)->offset;
    float *shallow = malloc(n * sizeof *shallow), *deep = malloc(n * sizeof *deep),
          *g = w.ops->alloc(w.dev, n * sizeof *g);
    struct activations *a = acts(&w, B, T, ACT_TRAIN), *few;
    double whole = sum_loss(&w, a, tokens, B, T, 5, g, 0.01f);
    w.ops->download(w.dev, deep, g, n * sizeof *g);
    w.ops->zero(w.dev, g, n * sizeof *g);
    w.depth = DEPTH;
    few = acts(&w, B, T, ACT_TRAIN);
    double loss = sum_loss(&w, few, tokens, B, T, 5, g, 0.01f);
    w.ops->download(w.dev, shallow, g, n * sizeof *g);
    CHECK(loss == whole, "%g with all layers, %g without those that wait", whole, loss);
    CHECK(memcmp(shallow, deep, first * sizeof *g) == 0, "layers below those that wait have other gradients");
    for (size_t i = 0; i < w.layout.count; i++)
        for (size_t k = 0; w.layout.v[i].layer >= DEPTH && k < w.layout.v[i].n; k++)
            CHECK(shallow[w.layout.v[i].offset + k] == 0, "%s waits and has a gradient", w.layout.v[i].name);
    activations_free(few);
    activations_free(a);
    w.ops->free(w.dev, g);
    free(shallow);
    free(deep);
    weights_free(&w);
}

/* With equal weights and batches, both types give close losses, and gradients of one direction. */
static void bf16_close(void)
{
    enum { B = 2, T = 31 };
    struct model_config c = small(true);
    struct weights w[2];
    int32_t tokens[B * (T + 1)];
    double loss[2];
    float *g[2];
    for (int i = 0; i < 2; i++) {
        random_state = 61;
        make(&w[i], &c, i ? DTYPE_BF16 : DTYPE_F32, 10);
        roughen(&w[i]);
        random_tokens(tokens, B * (T + 1), c.V);
        struct activations *a = acts(&w[i], B, T, true);
        size_t bytes = w[i].layout.total * sizeof(float);
        float *grad = w[i].ops->alloc(w[i].dev, bytes);
        loss[i] = sum_loss(&w[i], a, tokens, B, T, -1, grad, 1) / (B * T);
        g[i] = malloc(bytes);
        w[i].ops->download(w[i].dev, g[i], grad, bytes);
        w[i].ops->free(w[i].dev, grad);
        activations_free(a);
    }
    double xy = 0, xx = 0, yy = 0;
    for (size_t k = 0; k < w[0].layout.total; k++) {
        xy += (double)g[0][k] * g[1][k];
        xx += (double)g[0][k] * g[0][k];
        yy += (double)g[1][k] * g[1][k];
    }
    printf("bf16: loss %.4f against %.4f, cosine of the gradients %.5f\n", loss[1], loss[0],
           xy / sqrt(xx * yy));
    CHECK(fabs(loss[1] - loss[0]) < 0.02 * loss[0]);
    CHECK(xy / sqrt(xx * yy) > 0.99);
    for (int i = 0; i < 2; i++) {
        free(g[i]);
        weights_free(&w[i]);
    }
}

static size_t allocated;

static void *counting_alloc(struct device *dev, size_t bytes)
{
    allocated += bytes;
    return ops_cpu()->alloc(dev, bytes);
}

static void *failing_alloc(struct device *dev, size_t bytes)
{
    (void)dev;
    (void)bytes;
    return NULL;
}

static void memory(void)
{
    struct model_config c = small(true);
    struct weights w;
    struct ops ops = *ops_cpu();
    char err[256];
    random_state = 71;
    for (int bf16 = 0; bf16 < 2; bf16++)
        for (enum activations_mode train = ACT_FORWARD; train <= ACT_RECOMPUTE; train++) {
            make(&w, &c, bf16 ? DTYPE_BF16 : DTYPE_F32, 11);
            ops.alloc = counting_alloc;
            w.ops = &ops;
            allocated = 0;
            struct activations *a = acts(&w, 3, 13, train);
            size_t said = activations_bytes(&ops, &c, w.act, 3, 13, train);
            CHECK(allocated == said, "%zu bytes, said %zu", allocated, said);
            activations_free(a);
            ops.alloc = failing_alloc;
            CHECK(!activations_alloc(&w, 3, 13, train, err, sizeof err) && strstr(err, "no memory"), "%s",
                  err);
            CHECK(!kv_cache_alloc(&w, 1, 13, err, sizeof err) && strstr(err, "no memory"), "%s", err);
            CHECK(!activations_alloc(&w, 1, c.T + 1, train, err, sizeof err) && strstr(err, "context"), "%s",
                  err);
            CHECK(!activations_alloc(&w, 65536, 1, train, err, sizeof err) &&
                      strstr(err, "the most is 65535"),
                  "%s", err);
            weights_free(&w);
            CHECK(weights_alloc(&w, &ops, dev_f32, DTYPE_F32, &c, err, sizeof err) == -1 &&
                      strstr(err, "no memory"),
                  "%s", err);
        }
    /* a micro-batch never holds all logits: 4096 tokens of 65,536 logits would be 1 GB */
    model_preset("100m", &c);
    size_t with = activations_bytes(&ops, &c, DTYPE_F32, 2, 2048, ACT_FORWARD);
    c.V = 16;
    CHECK(with - activations_bytes(&ops, &c, DTYPE_F32, 2, 2048, ACT_FORWARD) <= 32 << 20);
    /* recomputing keeps a layer's buffers once, and its input for each */
    model_preset("100m", &c);
    size_t all = activations_bytes(&ops, &c, DTYPE_BF16, 2, 2048, ACT_TRAIN);
    with = activations_bytes(&ops, &c, DTYPE_BF16, 2, 2048, ACT_RECOMPUTE);
    CHECK(with < all / 4, "%zu of %zu bytes", with, all);
}

static void first_values(void)
{
    struct model_config c = small(false);
    struct weights w[2];
    double sum = 0, squares = 0;
    for (int i = 0; i < 2; i++) {
        omp_set_num_threads(i ? 3 : 1);
        make(&w[i], &c, DTYPE_F32, 12);
    }
    omp_set_num_threads(omp_get_num_procs());
    size_t n = w[0].layout.total;
    CHECK(memcmp(w[0].theta, w[1].theta, n * sizeof(float)) == 0, "threads change the first weights");
    CHECK(weights_init(&w[1], 13) == 0 && memcmp(w[0].theta, w[1].theta, n * sizeof(float)) != 0,
          "seeds do not matter");
    const struct param *p = params_find(&w[0].layout, PARAM_GATE, 1),
                       *q = params_find(&w[0].layout, PARAM_GATE, 0);
    CHECK(memcmp(w[0].theta + p->offset, w[0].theta + q->offset, p->n * sizeof(float)) != 0,
          "layers are alike");
    for (size_t k = 0; k < 2 * p->n; k++) { /* gate and up */
        double x = w[0].theta[p->offset + k];
        sum += x;
        squares += x * x;
    }
    double mean = sum / (2 * (double)p->n), sd = sqrt(squares / (2 * (double)p->n));
    CHECK(fabs(mean) < 0.0015 && fabs(sd - 0.02) < 0.0015, "mean %g, deviation %g", mean, sd);
    p = params_find(&w[0].layout, PARAM_DOWN, 0);
    squares = 0;
    for (size_t k = 0; k < p->n; k++)
        squares += (double)w[0].theta[p->offset + k] * w[0].theta[p->offset + k];
    CHECK(fabs(sqrt(squares / (double)p->n) - 0.01) < 0.001, "output projections: 0.02 / sqrt(2L)");
    CHECK(w[0].theta[params_find(&w[0].layout, PARAM_NORM_K, 1)->offset] == 1);
    for (int i = 0; i < 2; i++)
        weights_free(&w[i]);
}

/* Every layer begins as the identity: the loss is that of the output matrix's on the embedding alone. */
static void unit_values(void)
{
    enum { B = 1, T = 5 };
    struct model_config c = small(false);
    struct weights w;
    make(&w, &c, DTYPE_F32, 12);
    w.init = INIT_UNIT;
    CHECK(weights_init(&w, 12) == 0);
    const struct {
        enum param_kind kind;
        int layer;
        double deviation;
    } want[] = {{PARAM_EMBED, -1, 0.8},        {PARAM_HEAD, -1, 0.001}, {PARAM_GATE, 0, sqrt(1.0 / c.C)},
                {PARAM_Q, 1, sqrt(1.0 / c.C)}, {PARAM_O, 0, 0},         {PARAM_DOWN, 1, 0}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        const struct param *p = params_find(&w.layout, want[i].kind, want[i].layer);
        double squares = 0;
        for (size_t k = p->offset; k < p->offset + p->n; k++)
            squares += (double)w.theta[k] * w.theta[k];
        double sd = sqrt(squares / (double)p->n);
        CHECK(fabs(sd - want[i].deviation) <= 0.1 * want[i].deviation, "%s: deviation %g", p->name, sd);
    }
    struct activations *a = acts(&w, B, T, false);
    int32_t tokens[T + 1] = {3, 1, 4, 1, 5, 9};
    double loss = sum_loss(&w, a, tokens, B, T, -1, NULL, 0) / T;
    CHECK(fabs(loss - log(c.V)) < 0.01, "loss %g, of %d tokens", loss, c.V);
    activations_free(a);
    weights_free(&w);
}

static uint64_t last_key;

static bool noting_replay(struct device *dev, uint64_t key)
{
    (void)dev;
    last_key = key;
    return false;
}

/* A token's ops are recorded with the longest cache that they serve: each such length is another recording.
 */
static void recordings_of_a_cache(void)
{
    enum { MOST = 1 << 18 };
    struct model_config c = {.L = 1,
                             .C = 16,
                             .H = 1,
                             .Hkv = 1,
                             .D = 2,
                             .F = 1,
                             .T = MOST,
                             .V = 2,
                             .tied = true,
                             .eps = 1e-6f,
                             .rope_theta = 1e4};
    struct ops ops = *ops_cpu();
    struct weights w;
    char err[256];
    uint64_t keys[16];
    size_t n = 0;
    int32_t token = 1;
    float logits[2];
    make(&w, &c, DTYPE_F32, 3);
    ops.replay = noting_replay;
    w.ops = &ops;
    struct kv_cache *kv = kv_cache_alloc(&w, 1, MOST, err, sizeof err);
    CHECK(kv, "%s", err);
    for (int len = 255; len < MOST; len = len * 2 + 1) {
        kv->len[0] = len; /* as if so many tokens were there */
        model_extend(&w, kv, 0, &token, 1, logits);
        for (size_t i = 0; i < n; i++)
            CHECK(keys[i] != last_key, "a cache of %d tokens: the key of a shorter one", len);
        keys[n++] = last_key;
    }
    kv_cache_free(kv);
    weights_free(&w);
}

enum { TEXTS = 5, PROMPT = 150, STEPS = 6 };

/* The logits after each token of text i, which is alone in the cache's slot. */
static void text_alone(const struct weights *w, struct kv_cache *kv, int slot, const int32_t *text,
                       float *logits)
{
    size_t V = (size_t)w->c.V;
    kv_cache_truncate(kv, slot, 0);
    model_extend(w, kv, slot, text, PROMPT, logits);
    for (int t = 0; t < STEPS; t++)
        model_step(w, kv, 1, &slot, text + PROMPT + t, logits + (size_t)(t + 1) * V);
}

/* Texts that are stepped together, in any slots, have the bits that each has alone. equal_rows as a device
 * has it: 0 takes padding, 2 takes groups. */
static void slots(enum dtype act, int equal_rows)
{
    struct model_config c = small(false);
    struct ops ops = *ops_cpu();
    struct weights w;
    char err[256];
    int32_t text[TEXTS][PROMPT + STEPS], next[TEXTS];
    int used[TEXTS] = {6, 0, 3, 5, 1};
    random_state = 43;
    make(&w, &c, act, 8);
    roughen(&w);
    ops.equal_rows = equal_rows;
    w.ops = &ops;
    size_t V = (size_t)c.V, each = (STEPS + 1) * V;
    float *alone = malloc(TEXTS * each * sizeof *alone), *got = malloc(TEXTS * V * sizeof *got);
    float *chunk = malloc(PROMPT * V * sizeof *chunk);
    struct kv_cache *kv = kv_cache_alloc(&w, 8, PROMPT + STEPS, err, sizeof err);
    CHECK(kv, "%s", err);
    random_tokens(*text, TEXTS * (PROMPT + STEPS), c.V);
    memcpy(text[1], text[0], PROMPT * sizeof **text); /* a prompt that is copied */
    for (int i = 0; i < TEXTS; i++)
        text_alone(&w, kv, 2, text[i], alone + (size_t)i * each);
    for (int i = 0; i < TEXTS; i++) {
        if (i == 1)
            kv_cache_copy(kv, used[1], used[0], PROMPT);
        else
            model_extend(&w, kv, used[i], text[i], PROMPT, got);
        CHECK(i == 1 || !memcmp(got, alone + (size_t)i * each, V * sizeof *got), "prompt %d", i);
    }
    for (int t = 0; t < STEPS; t++) {
        int n = TEXTS - t / 2; /* some end before others */
        for (int i = 0; i < n; i++)
            next[i] = text[i][PROMPT + t];
        model_step(&w, kv, n, used, next, got);
        for (int i = 0; i < n; i++)
            CHECK(
                !memcmp(got + (size_t)i * V, alone + (size_t)i * each + (size_t)(t + 1) * V, V * sizeof *got),
                "text %d, step %d: other bits beside others", i, t);
    }
    kv_cache_truncate(kv, 2, 0);
    model_extend(&w, kv, 2, text[0], KV_CHUNK, NULL);
    model_extend(&w, kv, 2, text[0] + KV_CHUNK, PROMPT - KV_CHUNK, NULL);
    model_chunk_logits(&w, kv, 0, PROMPT - KV_CHUNK, chunk);
    CHECK(!memcmp(chunk + (PROMPT - KV_CHUNK - 1) * V, alone, V * sizeof *chunk), "logits of a chunk");
    free(alone);
    free(got);
    free(chunk);
    kv_cache_free(kv);
    weights_free(&w);
}

int main(void)
{
    char err[256];
    test_begin(120);
    const struct ops *o = ops_cpu();
    dev_f32 = o->open(DTYPE_F32, 0, err, sizeof err);
    CHECK(dev_f32, "%s", err);
    dev_bf16 = o->open(DTYPE_BF16, 0, err, sizeof err);
    CHECK(dev_bf16, "%s", err);
    first_values();
    unit_values();
    memory();
    struct model_config llama = small(true), qwen2 = small(false);
    llama.family = MODEL_LLAMA;
    llama.attention_bias = true;
    qwen2.family = MODEL_QWEN2;
    gradients("tied", small(true));
    gradients("untied", small(false));
    gradients("Llama with biases", llama);
    gradients("Qwen2", qwen2);
    causality();
    document_mask();
    cache(DTYPE_F32, 1e-3);
    cache(DTYPE_BF16, 0.1);
    recordings_of_a_cache();
    for (int equal_rows = 0; equal_rows <= 16; equal_rows = equal_rows ? 8 * equal_rows : 2) {
        slots(DTYPE_F32, equal_rows);
        slots(DTYPE_BF16, equal_rows);
    }
    recompute_same_bits(DTYPE_F32);
    recompute_same_bits(DTYPE_BF16);
    waiting_layers(DTYPE_F32);
    waiting_layers(DTYPE_BF16);
    overfits(DTYPE_F32);
    overfits(DTYPE_BF16);
    bf16_close();
    o->close(dev_f32);
    o->close(dev_bf16);
    return 0;
}
