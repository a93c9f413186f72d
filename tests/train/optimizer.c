#include "tests/train/train.h"

#include "pipeline/train/groups.h"
#include "pipeline/train/optim.h"

#include <math.h>
#include <string.h>

static char err[1024];

/* One step against the formula, written out: which weights decay, that clipping scales, that padding stays
 * zero. */
void optimizer(void)
{
    struct weights w;
    struct device *dev;
    open_model(&w, &dev, DTYPE_F32);
    struct optim o = {.beta1 = 0.9f,
                      .beta2 = 0.95f,
                      .eps = 1e-8f,
                      .weight_decay = 0.1f,
                      .clip = 1,
                      .rate = OPTIM_EQUAL_RATES};
    CHECK(optim_alloc(&o, &w, err, sizeof err) == 0, "%s", err);
    size_t n = w.layout.total;
    float *grad = calloc(n, 4), *before = malloc(n * 4);
    char *inside = calloc(n, 1);
    for (size_t i = 0; i < w.layout.count; i++)
        for (size_t k = 0; k < w.layout.v[i].n; k++) {
            grad[w.layout.v[i].offset + k] = sinf((float)(k + i));
            inside[w.layout.v[i].offset + k] = param_is_matrix(&w.layout.v[i]) ? 1 : 2;
        }
    memcpy(before, w.theta, n * 4);
    float *device_grad = w.ops->alloc(dev, n * 4);
    w.ops->upload(dev, device_grad, grad, n * 4);
    double norm = optim_grad_norm(&w, device_grad), sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)grad[i] * grad[i];
    CHECK(near(norm, sqrt(sum), 1e-9) && norm > 1);
    optim_step(&o, &w, device_grad, norm, 0.01, 1);
    for (size_t i = 0; i < n; i++) {
        double g = grad[i] / norm, decay = inside[i] == 1 ? 0.1 : 0;
        double want = inside[i] ? before[i] - 0.01 * (g / (fabs(g) + 1e-8) + decay * before[i]) : 0;
        CHECK(fabs(w.theta[i] - want) < 2e-5, "weight %zu: %g, want %g", i, w.theta[i], want);
    }
    CHECK(o.t == 1 && o.n_spans < w.layout.count);
    w.ops->free(dev, device_grad);
    free(grad);
    free(before);
    free(inside);
    optim_free(&o, &w);
    weights_free(&w);
    ops_cpu()->close(dev);
}

/* A batch that is taken in parts: an update by a share of it decays weights by that share and remembers
 * squares for beta2 to its power, so that all shares together are one whole update's. Three updates beside
 * their formula. */
void partial_updates(void)
{
    static const double shares[] = {0.25, 0.5, 1};
    const double lr = 0.01, decay = 5, b1 = 0.9f, b2 = 0.95f;
    struct weights w;
    struct device *dev;
    open_model(&w, &dev, DTYPE_F32);
    struct optim o = {
        .beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f, .weight_decay = (float)decay, .rate = {1, 1, 1, 1}};
    CHECK(optim_alloc(&o, &w, err, sizeof err) == 0, "%s", err);
    size_t n = w.layout.total;
    float *grad = w.ops->alloc(dev, n * 4);
    double *want = malloc(n * sizeof *want), *m = calloc(n, sizeof *m), *v = calloc(n, sizeof *v), left = 1;
    for (size_t i = 0; i < n; i++)
        want[i] = w.theta[i];
    for (int t = 0; t < 3; t++) {
        double keep = pow(b2, shares[t]);
        left *= keep;
        for (size_t i = 0; i < w.layout.count; i++) {
            const struct param *p = &w.layout.v[i];
            for (size_t j = p->offset; j < p->offset + p->n; j++) {
                grad[j] = (float)(t + 1) * sinf((float)(j * (size_t)(t + 1)));
                m[j] = b1 * m[j] + (1 - b1) * grad[j];
                v[j] = keep * v[j] + (1 - keep) * grad[j] * grad[j];
                double step = m[j] / (1 - pow(b1, t + 1)) / (sqrt(v[j] / (1 - left)) + 1e-8);
                want[j] -= lr * (step + (param_is_matrix(p) ? decay * shares[t] * want[j] : 0));
            }
        }
        optim_step(&o, &w, grad, 1, lr, shares[t]);
        for (size_t i = 0; i < w.layout.count; i++)
            for (size_t j = w.layout.v[i].offset; j < w.layout.v[i].offset + w.layout.v[i].n; j++)
                CHECK(fabs(w.theta[j] - want[j]) < 1e-5, "update %d, %s: %g, want %g", t, w.layout.v[i].name,
                      w.theta[j], want[j]);
    }
    w.ops->free(dev, grad);
    free(want);
    free(m);
    free(v);
    optim_free(&o, &w);
    weights_free(&w);
    ops_cpu()->close(dev);
}

/* Layers that wait are left alone, weights and state; one that joins is corrected by its own age, so that its
 * first step is as long as a first step is. */
void growing(void)
{
    struct weights w;
    struct device *dev;
    open_model(&w, &dev, DTYPE_F32);
    struct optim o = {
        .beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f, .weight_decay = 0.1f, .rate = {1, 1, 1, 1}};
    CHECK(w.c.L > 1 && optim_alloc(&o, &w, err, sizeof err) == 0, "%s", err);
    const struct param *waits = params_find(&w.layout, PARAM_GATE, w.c.L - 1),
                       *works = params_find(&w.layout, PARAM_GATE, 0);
    size_t n = w.layout.total;
    float *grad = w.ops->alloc(dev, n * 4), *before = malloc(n * 4);
    for (size_t i = 0; i < w.layout.count; i++)
        for (size_t k = 0; k < w.layout.v[i].n; k++)
            grad[w.layout.v[i].offset + k] = 0.5f;
    memcpy(before, w.theta, n * 4);
    w.depth = 1;
    for (int i = 0; i < 30; i++)
        optim_step(&o, &w, grad, 1, 0.01, 1);
    CHECK(memcmp(before + waits->offset, w.theta + waits->offset, waits->n * 4) == 0);
    CHECK(((float *)o.m)[waits->offset] == 0 && ((float *)o.v)[waits->offset] == 0);
    CHECK(w.theta[works->offset] < before[works->offset] - 0.2f);
    w.depth = w.c.L;
    memcpy(before, w.theta, n * 4);
    optim_step(&o, &w, grad, 1, 0.01, 1);
    for (size_t k = waits->offset; k < waits->offset + waits->n; k++) {
        double want = before[k] - 0.01 * (1 + 0.1 * (double)before[k]);
        CHECK(fabs((double)w.theta[k] - want) < 1e-6, "weight %zu: %g, want %g", k, (double)w.theta[k], want);
    }
    CHECK(o.t == 31 && o.ages[0].updates == 31 && o.ages[w.c.L - 1].updates == 1);
    w.ops->free(dev, grad);
    free(before);
    optim_free(&o, &w);
    weights_free(&w);
    ops_cpu()->close(dev);
}

static int attentions, embeddings;

static void count_attention(struct device *d, void *dqk, void *dqkv, const void *dout, const void *out,
                            const float *lse, const struct attention *a)
{
    attentions++;
    ops_cpu()->attention_backward(d, dqk, dqkv, dout, out, lse, a);
}

static void count_embedding(struct device *d, float *dtable, const void *dx, const int32_t *ids, int N, int C,
                            int V)
{
    embeddings++;
    ops_cpu()->embedding_backward(d, dtable, dx, ids, N, C, V);
}

/* Layers that are held: no backward pass goes through them, they have gradients of zero whatever was in the
 * buffer, the others those that they always have; and the optimizer leaves them and their state alone. */
void holding(bool tied, enum activations_mode mode)
{
    enum { B = 2 };
    struct weights w;
    struct model_config c = tiny_model();
    struct device *dev = ops_cpu()->open(DTYPE_F32, 1, err, sizeof err);
    struct ops counted = *ops_cpu();
    int32_t tokens[B * 17];
    float loss[B * 16];
    counted.attention_backward = count_attention;
    counted.embedding_backward = count_embedding;
    c.tied = tied;
    CHECK(dev && weights_alloc(&w, &counted, dev, DTYPE_F32, &c, err, sizeof err) == 0, "%s", err);
    weights_init(&w, 3);
    struct activations *a = activations_alloc(&w, B, 16, mode, err, sizeof err);
    CHECK(a, "%s", err);
    for (int i = 0; i < B * 17; i++)
        tokens[i] = i * 7 % c.V;
    size_t n = w.layout.total, bytes = n * sizeof(float);
    float *all = w.ops->alloc(dev, bytes), *part = w.ops->alloc(dev, bytes), *before = malloc(bytes);
    model_run(&w, a, tokens, B, 16, -1, loss, all, 1);
    w.held = 1;
    size_t held = weights_held(&w);
    CHECK(held == params_find(&w.layout, PARAM_NORM_ATTN, 1)->offset && weights_held(&w) > 0);
    for (size_t i = 0; i < held; i++)
        part[i] = 7;
    attentions = embeddings = 0;
    model_run(&w, a, tokens, B, 16, -1, loss, part, 1);
    CHECK(attentions == 1 && embeddings == 0, "%d of attention, %d of the embedding", attentions, embeddings);
    for (size_t i = 0; i < held; i++)
        CHECK(part[i] == 0, "held element %zu", i);
    CHECK(memcmp(all + held, part + held, bytes - held * sizeof(float)) == 0);
    model_submit(&w, a, tokens, B, 16, -1, loss, part, 1, true);
    w.ops->sync(dev);
    size_t top = params_find(&w.layout, PARAM_NORM_FINAL, -1)->offset;
    CHECK(part[0] == 0 && fabsf(part[top] - 2 * all[top]) < 1e-4f, "%g, want twice %g", (double)part[top],
          (double)all[top]);

    struct optim o = {
        .beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f, .weight_decay = 0.1f, .rate = {1, 1, 1, 1}};
    CHECK(optim_alloc(&o, &w, err, sizeof err) == 0, "%s", err);
    memcpy(before, w.theta, bytes);
    for (size_t i = 0; i < n; i++)
        all[i] = 1;
    optim_step(&o, &w, all, 1, 0.01, 1);
    CHECK(memcmp(before, w.theta, held * sizeof(float)) == 0 && o.ages[0].updates == 0);
    CHECK(((float *)o.m)[0] == 0 && ((float *)o.m)[held] != 0 && before[held] != w.theta[held]);
    w.ops->free(dev, all);
    w.ops->free(dev, part);
    free(before);
    optim_free(&o, &w);
    activations_free(a);
    weights_free(&w);
    ops_cpu()->close(dev);
}

/* Each group learns at its own rate; weights decay by that of the step, all alike. */
void group_rates(void)
{
    struct model_config c = tiny_model();
    struct weights w;
    struct device *dev = ops_cpu()->open(DTYPE_F32, 1, err, sizeof err);
    c.tied = false;
    CHECK(dev && weights_alloc(&w, ops_cpu(), dev, DTYPE_F32, &c, err, sizeof err) == 0, "%s", err);
    weights_init(&w, 3);
    const float rates[OPTIM_GROUPS] = {
        [OPTIM_HIDDEN] = 1, [OPTIM_EMBEDDING] = 20, [OPTIM_HEAD] = 3, [OPTIM_NORM] = 0};
    struct optim o = {.beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f, .weight_decay = 0.1f};
    memcpy(o.rate, rates, sizeof rates);
    CHECK(optim_alloc(&o, &w, err, sizeof err) == 0, "%s", err);
    size_t n = w.layout.total;
    float *grad = w.ops->alloc(dev, n * 4), *before = malloc(n * 4);
    memcpy(before, w.theta, n * 4);
    for (size_t i = 0; i < n; i++)
        grad[i] = 1;
    optim_step(&o, &w, grad, 1, 0.01, 1);
    for (size_t i = 0; i < w.layout.count; i++) {
        const struct param *p = &w.layout.v[i];
        double rate = (double)rates[optim_group_of(p)], decay = param_is_matrix(p) ? 0.1 : 0;
        for (size_t k = p->offset; k < p->offset + p->n; k++) {
            double want = before[k] - 0.01 * (rate + decay * before[k]);
            CHECK(fabs(w.theta[k] - want) < 2e-5, "%s: %g, want %g", p->name, w.theta[k], want);
        }
    }
    w.ops->free(dev, grad);
    free(before);
    optim_free(&o, &w);
    weights_free(&w);
    ops_cpu()->close(dev);
}

void grouping(void)
{
    struct model_config c = tiny_model();
    struct params layout;
    struct groups g;
    c.L = 12;
    CHECK(params_layout(&layout, &c) == 0 && groups_make(&g, &layout, c.L) == 0);
    CHECK(g.count == 1 + 3 * 8 && g.n_spans == (int)layout.count, "%d groups", g.count);
    size_t n = 0, sum = 0;
    for (size_t i = 0; i < layout.count; i++) {
        n += layout.v[i].n;
        CHECK(g.spans[i].offset == layout.v[i].offset && g.spans[i].n == layout.v[i].n);
    }
    for (int i = 0; i < g.count; i++)
        sum += g.v[i].n;
    CHECK(sum == n && g.spans[params_find(&layout, PARAM_Q, 3) - layout.v].group ==
                          g.spans[params_find(&layout, PARAM_Q, 0) - layout.v].group);
    CHECK(g.spans[params_find(&layout, PARAM_Q, 4) - layout.v].group !=
          g.spans[params_find(&layout, PARAM_Q, 0) - layout.v].group);
    groups_free(&g);
    params_free(&layout);
}
