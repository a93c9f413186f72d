/*
 * train_test - the parts of `train`: schedule, guard, optimizer, checkpoint directories, logs; and that they
 * learn together
 *
 * What takes a whole process (resume, signals, kill -9, full disk) is in tests/cli/train_*.sh.
 */
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/model/checkpoint.h"
#include "pipeline/train/config.h"
#include "pipeline/train/finish.h"
#include "pipeline/train/groups.h"
#include "pipeline/train/guard.h"
#include "pipeline/train/logfile.h"
#include "pipeline/train/lookahead.h"
#include "pipeline/train/memory.h"
#include "pipeline/train/optim.h"
#include "pipeline/train/rundir.h"
#include "pipeline/train/settings.h"
#include "pipeline/train/schedule.h"
#include "tests/check.h"

static char err[1024];

static bool near(double a, double b, double tolerance)
{
    return fabs(a - b) <= tolerance * fmax(1e-12, fabs(b));
}

static void schedules(void)
{
    struct schedule s = {SCHEDULE_WSD, 1000, 2e-3, 0.01, 0.19, 0.1};
    CHECK(near(schedule_lr(&s, 0), 2e-4, 1e-12) && near(schedule_lr(&s, 4), 1e-3, 1e-12));
    CHECK(schedule_lr(&s, 9) == 2e-3 && schedule_lr(&s, 500) == 2e-3 && schedule_lr(&s, 809) == 2e-3);
    CHECK(schedule_lr(&s, 810) < 2e-3 && schedule_lr(&s, 810) > 1.99e-3);
    CHECK(near(schedule_lr(&s, 904), 2e-3 * (0.1 + 0.9 * 0.5 * (1 + cos(M_PI * 95 / 190))), 1e-12));
    CHECK(near(schedule_lr(&s, 999), 2e-4, 1e-9) && schedule_lr(&s, 5000) == schedule_lr(&s, 999));
    for (uint64_t i = 811; i < 1000; i++)
        CHECK(schedule_lr(&s, i) < schedule_lr(&s, i - 1), "step %llu", (unsigned long long)i);
    s.kind = SCHEDULE_COSINE;
    CHECK(schedule_lr(&s, 9) == 2e-3 && near(schedule_lr(&s, 999), 2e-4, 1e-9));
    CHECK(near(schedule_lr(&s, 504), 2e-3 * (0.1 + 0.9 * 0.5), 1e-2));
    s.kind = SCHEDULE_CONSTANT;
    CHECK(schedule_lr(&s, 9) == 2e-3 && schedule_lr(&s, 999) == 2e-3);
    s = (struct schedule){SCHEDULE_WSD, 1, 1, 0.01, 0.19, 0.1};
    CHECK(schedule_lr(&s, 0) == 1);
    s = (struct schedule){SCHEDULE_WSD, 1000, 2e-3, 0.01, 0.19, 0.1};
    CHECK(!schedule_stable(&s, 9) && schedule_stable(&s, 10) && schedule_stable(&s, 809) &&
          !schedule_stable(&s, 810));
    s.kind = SCHEDULE_COSINE;
    CHECK(schedule_stable(&s, 10) && schedule_stable(&s, 300) && !schedule_stable(&s, 400) &&
          !schedule_stable(&s, 999));
    /* a quarter of the way down is done at a third of the time: 1 - 0.25 * 0.9 = 0.1 + 0.45 * (1 + cos(pi /
     * 3)) */
    CHECK(schedule_stable(&s, 10 + 328) && !schedule_stable(&s, 10 + 331));
    s.kind = SCHEDULE_CONSTANT;
    CHECK(!schedule_stable(&s, 9) && schedule_stable(&s, 999));
    /* shares of steps are rounded to the nearest step, halves up; a warm-up has one step at least */
    static const struct {
        uint64_t steps;
        double warmup;
        uint64_t want;
    } rounded[] = {{149, 0.01, 1},     {150, 0.01, 2},     {240, 0.01, 2}, {250, 0.01, 3},
                   {1000, 0.0104, 10}, {1000, 0.0106, 11}, {10, 0, 1},     {10, 1, 10}};
    for (size_t i = 0; i < sizeof rounded / sizeof *rounded; i++) {
        s = (struct schedule){SCHEDULE_CONSTANT, rounded[i].steps, 1, rounded[i].warmup, 0, 0};
        uint64_t n = schedule_warm_steps(&s), want = rounded[i].want;
        CHECK(n == want, "%g of %llu steps: %llu", rounded[i].warmup, (unsigned long long)rounded[i].steps,
              (unsigned long long)n);
        CHECK(schedule_lr(&s, n - 1) == 1 && (n == 1 || schedule_lr(&s, n - 2) < 1));
    }
    /* the decay as well: 0.25 of 10 steps are 3 */
    s = (struct schedule){SCHEDULE_WSD, 10, 1, 0, 0.25, 0.5};
    CHECK(schedule_lr(&s, 6) == 1 && schedule_lr(&s, 7) < 1 && near(schedule_lr(&s, 9), 0.5, 1e-12));
    s.decay = 0;
    CHECK(schedule_lr(&s, 9) == 1, "no decay was asked for");
}

static void guards(void)
{
    struct guard g = {0};
    CHECK(guard_judge(&g, NAN, 1, 6) == STEP_BAD_LOSS &&
          guard_judge(&g, 1, INFINITY, 6) == STEP_BAD_GRADIENT);
    CHECK(g.bad == 2 && g.bad_in_a_row == 2 && g.n == 0);
    CHECK(guard_judge(&g, 1e9, 1, 6) == STEP_OK && g.bad_in_a_row == 0); /* nothing to compare with yet */
    g = (struct guard){0};
    for (int i = 0; i < GUARD_WINDOW; i++)
        CHECK(guard_judge(&g, 3 + 0.1 * (i % 3), 1, 6) == STEP_OK);
    CHECK(guard_judge(&g, 3.4, 1, 6) == STEP_OK);
    CHECK(guard_judge(&g, 4, 1, 6) == STEP_SPIKE && guard_judge(&g, 3.1, 1, 6) == STEP_OK && g.spikes == 1);
    int flagged = 0;
    for (int i = 0; i < 40; i++) /* a new level is no spike for ever */
        flagged += guard_judge(&g, 9, 1, 6) == STEP_SPIKE;
    CHECK(flagged == GUARD_PATIENCE, "%d", flagged);
}

static struct model_config tiny_model(void)
{
    struct model_config c = {.L = 2,
                             .C = 32,
                             .H = 2,
                             .Hkv = 1,
                             .D = 16,
                             .F = 48,
                             .T = 16,
                             .V = 61,
                             .tied = true,
                             .eps = 1e-6f,
                             .rope_theta = 1e4};
    return c;
}

static void open_model(struct weights *w, struct device **dev, enum dtype act)
{
    struct model_config c = tiny_model();
    *dev = ops_cpu()->open(act, 1, err, sizeof err);
    CHECK(*dev, "%s", err);
    CHECK(weights_alloc(w, ops_cpu(), *dev, act, &c, err, sizeof err) == 0, "%s", err);
    weights_init(w, 3);
}

/* One step against the formula, written out: which weights decay, that clipping scales, that padding stays
 * zero. */
static void optimizer(void)
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
static void partial_updates(void)
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
static void growing(void)
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

/* Each group learns at its own rate; weights decay by that of the step, all alike. */
static void group_rates(void)
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

static void growth(void)
{
    struct growth g;
    struct model_config shallow = tiny_model(), deep = shallow;
    CHECK(growth_parse(&g, "off", 6, 100, 40, err, sizeof err) == 0 && growth_depth(&g, 0) == 6);
    CHECK(growth_parse(&g, "1@0,3@15,6@37.5%", 6, 100, 40, err, sizeof err) == 0, "%s", err);
    CHECK(growth_depth(&g, 0) == 1 && growth_depth(&g, 14) == 1 && growth_depth(&g, 15) == 3 &&
          growth_depth(&g, 37) == 3 && growth_depth(&g, 38) == 6 && growth_depth(&g, 1000) == 6);
    CHECK(growth_parse(&g, "auto", 6, 1000, 40, err, sizeof err) == 0 && growth_depth(&g, 749) == 1 &&
          growth_depth(&g, 750) == 6);
    CHECK(growth_parse(&g, "auto", 1, 100, 40, err, sizeof err) == 0 && growth_depth(&g, 0) == 1);
    shallow.L = 1;
    deep.L = 6;
    CHECK(growth_parse(&g, "1@0,6@60", 6, 100, 40, err, sizeof err) == 0);
    CHECK(near(growth_flops(&g, &deep, 16, 50, 100),
               10 * model_flops_per_token(&shallow, 16) + 40 * model_flops_per_token(&deep, 16), 1e-12));
    static const char *const wrong[] = {"",     "1",        "1@",       "@0",         "0@0,6@50", "1@0,6@50,",
                                        "6@0x", "1@0;6@50", "1@-1,6@9", "1@0,6@101%", "1@0, 6@9"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(growth_parse(&g, wrong[i], 6, 100, 1, err, sizeof err) == -1 && strstr(err, "is not LAYERS"),
              "'%s': %s", wrong[i], err);
}

/* Muon on a wide and on a tall matrix: the update has the length it promises and nearly orthonormal rows
 * (columns), on the side of the gradient; what Muon does not take is as AdamW leaves it. */
static void muon(void)
{
    struct weights w;
    struct device *dev;
    open_model(&w, &dev, DTYPE_F32);
    struct optim o = {.beta1 = 0.9f,
                      .beta2 = 0.95f,
                      .eps = 1e-8f,
                      .use_muon = true,
                      .momentum = 0.95f,
                      .rate = OPTIM_EQUAL_RATES};
    CHECK(optim_alloc(&o, &w, err, sizeof err) == 0, "%s", err);
    size_t n = w.layout.total, taken = 0;
    float *before = malloc(n * 4), *grad = w.ops->alloc(dev, n * 4);
    memcpy(before, w.theta, n * 4);
    for (size_t i = 0; i < w.layout.count; i++)
        for (size_t k = 0; k < w.layout.v[i].n; k++)
            grad[w.layout.v[i].offset + k] = sinf((float)(k * k % 1009 + i));
    optim_step(&o, &w, grad, 1, 0.01, 1);
    for (size_t i = 0; i < w.layout.count; i++) {
        const struct param *p = &w.layout.v[i];
        int k = p->rows < p->cols ? p->rows : p->cols, longer = p->rows < p->cols ? p->cols : p->rows;
        double squares = 0, along = 0, factor = 0.01 * 0.2 * sqrt((double)longer);
        for (size_t j = p->offset; j < p->offset + p->n; j++) {
            double d = before[j] - w.theta[j];
            squares += d * d;
            along += d * grad[j];
        }
        CHECK(along > 0, "%s: against the gradient", p->name);
        if (!muon_takes(p)) {
            CHECK(near(squares, 1e-4 * (double)p->n, 1e-2), "%s: not AdamW's first step", p->name);
            continue;
        }
        taken++; /* k singular values, each within 0.68 and 1.2 of the factor, as the quintic leaves them */
        CHECK(squares > 0.4 * factor * factor * k && squares < 1.5 * factor * factor * k, "%s: %g", p->name,
              squares / (factor * factor * k));
    }
    CHECK(taken == 7 * (size_t)w.c.L);
    w.ops->free(dev, grad);
    free(before);
    optim_free(&o, &w);
    weights_free(&w);
    ops_cpu()->close(dev);
}

/* x (k,n) = a x + (b G + c G^2) x, G = x x^T, five times; in double, by definition */
static void newton_schulz(double *x, int k, int n)
{
    double G[32 * 32], S[32 * 32], y[1536];
    for (int step = 0; step < 5; step++) {
        for (int i = 0; i < k * k; i++) {
            G[i] = 0;
            for (int j = 0; j < n; j++)
                G[i] += x[i / k * n + j] * x[i % k * n + j];
        }
        for (int i = 0; i < k * k; i++) {
            S[i] = -4.7750 * G[i] + (i / k == i % k ? 3.4445 : 0);
            for (int j = 0; j < k; j++)
                S[i] += 2.0315 * G[i / k * k + j] * G[j * k + i % k];
        }
        for (int i = 0; i < k * n; i++) {
            y[i] = 0;
            for (int j = 0; j < k; j++)
                y[i] += S[i / n * k + j] * x[j * n + i % n];
        }
        memcpy(x, y, (size_t)(k * n) * sizeof *y);
    }
}

/* The update of a matrix of known shape, also where Muon works on the Gram matrix alone (muon.c: by_gram);
 * singular values from 1 down to 1e-4. There each of the five steps multiplies the rounding of small singular
 * values by up to 3.4445^2: 2^-24 * 3.4445^10 = 0.014 of them, and rows of such values have elements up to
 * about 0.3. The order of a product's sums decides how much of it is seen: 0.0019 to 0.0026 on three
 * instruction sets. */
static void muon_of(int rows, int cols)
{
    struct weights w;
    struct device *dev;
    struct muon s;
    struct param p = {.rows = rows, .cols = cols, .n = (size_t)rows * (size_t)cols};
    int k = rows < cols ? rows : cols, n = rows < cols ? cols : rows;
    open_model(&w, &dev, DTYPE_F32);
    CHECK(p.n <= 1536 && k <= 32 && muon_alloc(&s, &w) == 0);
    float *grad = w.ops->alloc(dev, p.n * 4), *m = w.ops->alloc(dev, p.n * 4);
    double x[1536], norm = 0;
    for (int i = 0; i < k * n; i++) {
        x[i] = sin(i * i % 1009 + 1) * pow(10, -4.0 * (i / n) / k);
        grad[rows < cols ? i : i % n * k + i / n] = (float)x[i]; /* a tall one is its transpose */
        norm += x[i] * x[i];
        w.theta[i] = 0;
    }
    for (int i = 0; i < k * n; i++)
        x[i] /= sqrt(norm);
    newton_schulz(x, k, n);
    muon_step(&s, &w, &p, m, grad, 1, 1, 0.95f, 0);
    double limit = n >= 2 * k ? 0.014 * 0.3 : 1e-5;
    for (int i = 0; i < k * n; i++) {
        double got = w.theta[rows < cols ? i : i % n * k + i / n] / (-0.2 * sqrt((double)n));
        CHECK(fabs(got - x[i]) < limit, "%d x %d: element %d is %g, want %g", rows, cols, i, got, x[i]);
    }
    w.ops->free(dev, grad);
    w.ops->free(dev, m);
    muon_free(&s, &w);
    weights_free(&w);
    ops_cpu()->close(dev);
}

/* Steps of known lengths instead of an optimizer, against the formulas in double. The average of
 * displacements is kept as such here, not as an average of weights as there. */
static void lookaheads(void)
{
    struct weights w;
    struct device *dev;
    struct schedule s = {SCHEDULE_WSD, 40, 2e-3, 0.1, 0.25, 0.1};
    open_model(&w, &dev, DTYPE_BF16);
    struct lookahead l = {.beta = 0.6f, .gamma = 0.9f, .start = 6, .every = 7, .eta = 0.8f, .mu = 0.5f};
    CHECK(lookahead_alloc(&l, &w) == 0 && lookahead_bytes(&l, w.layout.total) == 12 * w.layout.total);
    lookahead_begin(&l, &w);
    double x[3], m[3] = {0}, anchor[3], b[3] = {0};
    size_t at[3] = {5, w.layout.total / 2, w.layout.v[w.layout.count - 1].offset};
    for (int i = 0; i < 3; i++)
        anchor[i] = x[i] = w.theta[at[i]];
    for (uint64_t step = 0; step < 40; step++) {
        lookahead_before(&l, &w, &s, step);
        double moved[3];
        for (int i = 0; i < 3; i++) {
            double update = 0.01 * sin((double)step * (i + 1)) + 0.02 * (i - 1), before = x[i];
            x[i] += (step >= 6 && step < 30 ? 0.6 * m[i] : 0) + update;
            w.theta[at[i]] += (float)update;
            moved[i] = x[i] - before;
            if ((step + 1) % 7 == 0 && step >= 4 && step < 30) {
                double d = x[i] - anchor[i];
                b[i] = 0.5 * b[i] + d;
                x[i] = anchor[i] + 0.8 * (d + 0.5 * b[i]);
                moved[i] = x[i] - before;
                anchor[i] = x[i];
            }
            m[i] = 0.9 * m[i] + 0.1 * moved[i];
        }
        lookahead_after(&l, &w, &s, step);
        for (int i = 0; i < 3; i++)
            CHECK(fabs(w.theta[at[i]] - x[i]) < 1e-5, "step %d: weight %d is %.7g, want %.7g", (int)step, i,
                  w.theta[at[i]], x[i]);
        uint32_t bits = (uint32_t)((uint16_t *)w.work)[at[1]] << 16;
        float published;
        memcpy(&published, &bits, 4);
        if ((step + 1) % 7 == 0 && step >= 4 && step < 30)
            CHECK(fabs(published - x[1]) <= fabs(x[1]) / 256, "the working copy is left behind");
    }
    lookahead_free(&l, &w);
    weights_free(&w);
    ops_cpu()->close(dev);
}

/* Averages of a wandering, oscillating weight against the definition in double, in steps of their own number;
 * and the weights that training goes on from come back bit for bit. */
static void finished(enum dtype act)
{
    enum { STEPS = 2000, SEEN = 3 };
    struct weights w;
    struct device *dev;
    open_model(&w, &dev, act);
    struct finish f = {.on = true};
    CHECK(finish_alloc(&f, &w) == 0);
    finish_begin(&f, &w);
    size_t n = w.layout.total, at[SEEN] = {5, w.layout.total / 2, w.layout.v[w.layout.count - 1].offset};
    double mean[SEEN][FINISH_AVERAGES], swing = 0.1;
    float *before = malloc(n * 4), *spare = w.ops->alloc(dev, n * 4);
    for (int i = 0; i < SEEN; i++)
        for (int j = 0; j < FINISH_AVERAGES; j++)
            mean[i][j] = (double)w.theta[at[i]];
    for (uint64_t age = 1; age <= STEPS; age++) {
        static const double share[FINISH_AVERAGES] = {0.07, 0.14, 0.25};
        uint64_t every = (uint64_t)fmax(1, 0.07 * (double)age / 16);
        for (int i = 0; i < SEEN; i++)
            w.theta[at[i]] = (float)(1 + 1e-4 * (double)age + swing * sin((double)age * (i + 1.3)));
        finish_after(&f, &w, age);
        for (int i = 0; i < SEEN && age % every == 0; i++)
            for (int j = 0; j < FINISH_AVERAGES; j++) {
                double steps = share[j] * (double)age / (double)every, keep = steps > 1 ? 1 - 1 / steps : 0;
                mean[i][j] = keep * mean[i][j] + (1 - keep) * (double)w.theta[at[i]];
            }
    }
    memcpy(before, w.theta, n * 4);
    for (int j = 0; j < FINISH_AVERAGES; j++) { /* each alone */
        for (int g = 0; g < f.groups.count; g++)
            for (int k = 0; k < FINISH_AVERAGES; k++)
                f.c[g * FINISH_AVERAGES + k] = k == j;
        finish_enter(&f, &w, spare);
        for (int i = 0; i < SEEN; i++)
            CHECK(fabs((double)w.theta[at[i]] - mean[i][j]) < (act == DTYPE_F32 ? 1e-5 : 0.02 * swing),
                  "average %d: %g, want %g", j, (double)w.theta[at[i]], mean[i][j]);
        CHECK(fabs((double)w.theta[at[1]] - (double)before[at[1]]) > 0.1 * swing, "the test tells nothing");
        finish_leave(&w, spare);
        CHECK(memcmp(before, w.theta, n * 4) == 0, "the weights did not come back");
        for (size_t i = 0; i < n; i++)
            CHECK(spare[i] == 0);
    }
    CHECK(finish_bytes(n, act) == n * (4 + 3 * dtype_bytes(act)));
    w.ops->free(dev, spare);
    free(before);
    finish_free(&f, &w);
    weights_free(&w);
    ops_cpu()->close(dev);
}

static void grouping(void)
{
    struct model_config c = {.L = 12,
                             .C = 32,
                             .H = 2,
                             .Hkv = 1,
                             .D = 16,
                             .F = 48,
                             .T = 16,
                             .V = 61,
                             .tied = true,
                             .eps = 1e-6f,
                             .rope_theta = 1e4};
    struct params layout;
    struct groups g;
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

static size_t told;

static size_t tell_memory(struct device *dev, size_t *total)
{
    (void)dev;
    return *total = told;
}

/* Rows at a time of a device with that much memory, of a state of that size. */
static struct memory_plan plan_with(size_t memory, uint64_t state, uint64_t micro)
{
    struct ops o = *ops_cpu();
    struct model_config c = tiny_model();
    const struct batch_header h = {.B = 64, .T = 16, .token_width = 2};
    struct memory_plan p;
    o.memory = tell_memory;
    told = memory;
    struct device *dev = o.open(DTYPE_F32, 1, err, sizeof err);
    memory_plan_make(
        &p,
        &(struct memory_request){
            .ops = &o, .dev = dev, .model = &c, .h = &h, .optimizer = state, .rows = h.B, .micro = micro});
    o.close(dev);
    return p;
}

/* A GPU keeps a reserve for memory that nobody counts: 512 MB, and 2 % of a large one. */
static void reserve(void)
{
    int level = log_level;
    log_level = 0;
    size_t need = plan_with((size_t)1 << 40, 1 << 20, 8).device, left = need + (512 << 20);
    CHECK(plan_with(left, 1 << 20, 0).micro == 8 && plan_with(left - 1, 1 << 20, 0).micro == 4,
          "a small one");
    need = plan_with((size_t)1 << 40, (size_t)98000000000, 8).device;
    left = need / 49 * 50 + 100;
    CHECK(plan_with(left, (size_t)98000000000, 0).micro == 8 &&
              plan_with(left - 200, (size_t)98000000000, 0).micro == 4,
          "a large one");
    log_level = level;
}

/* Trains on two sequences until the model knows them by heart. */
static void overfits(enum dtype act)
{
    struct weights w;
    struct device *dev;
    open_model(&w, &dev, act);
    struct activations *a = activations_alloc(&w, 2, 16, ACT_TRAIN, err, sizeof err);
    struct optim o = {.beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f, .clip = 1, .rate = OPTIM_EQUAL_RATES};
    CHECK(a && optim_alloc(&o, &w, err, sizeof err) == 0, "%s", err);
    float *grad = w.ops->alloc(dev, w.layout.total * 4), loss[32];
    int32_t tokens[34];
    double first = 0, last = 0;
    for (int i = 0; i < 34; i++)
        tokens[i] = (i * i * 7 + i / 17 * 13) % 61;
    for (int s = 0; s < 150; s++) {
        model_run(&w, a, tokens, 2, 16, -1, loss, grad, 1.0f / 32);
        last = 0;
        for (int i = 0; i < 32; i++)
            last += (double)loss[i] / 32;
        first = s == 0 ? last : first;
        optim_step(&o, &w, grad, optim_grad_norm(&w, grad), 1e-2, 1);
    }
    CHECK(near(first, log(61), 0.05) && last < 0.05, "loss %g -> %g", first, last);
    w.ops->free(dev, grad);
    optim_free(&o, &w);
    activations_free(a);
    weights_free(&w);
    ops_cpu()->close(dev);
}

static void save(const struct weights *w, const char *dir, enum st_dtype dtype)
{
    const struct checkpoint_array arrays[] = {{.prefix = "", .array = weights_array(w)}};
    struct checkpoint_save *s = checkpoint_begin(dir);
    char *config = model_config_to_json(&w->c, "float32", 1, 2);
    checkpoint_put_text(s, "config.json", config, strlen(config));
    checkpoint_put_tensors(s, "model.safetensors", w, arrays, 1, dtype);
    json_t *state = json_pack("{sisf}", "step", 12, "x", 0.1);
    checkpoint_commit(s, state);
    json_decref(state);
    free(config);
}

static int load(const char *dir, struct device *dev, struct weights *w)
{
    return checkpoint_load(dir, ops_cpu(), dev, DTYPE_F32, w, err, sizeof err);
}

static void checkpoints(void)
{
    struct weights w, back;
    struct device *dev;
    json_t *state;
    open_model(&w, &dev, DTYPE_F32);
    save(&w, "ck", ST_F32);
    CHECK(load("ck", dev, &back) == 0, "%s", err);
    CHECK(memcmp(w.theta, back.theta, w.layout.total * 4) == 0);
    weights_free(&back);
    CHECK(checkpoint_state("ck", &state, err, sizeof err) == 0, "%s", err);
    CHECK(json_integer_value(json_object_get(state, "step")) == 12 &&
          json_real_value(json_object_get(state, "x")) == 0.1);
    CHECK(checkpoint_verify("ck", state, err, sizeof err) == 0, "%s", err);
    json_decref(state);
    char *dir = checkpoint_resolve("ck", err, sizeof err);
    CHECK(dir && strcmp(dir, "ck") == 0);
    free(dir);
    CHECK(!checkpoint_resolve("absent", err, sizeof err) && !checkpoint_resolve(".", err, sizeof err));

    save(&w, "ck", ST_BF16); /* replaces the other of the same name */
    CHECK(load("ck", dev, &back) == 0, "%s", err);
    for (size_t i = 0; i < w.layout.total; i++)
        CHECK(fabsf(w.theta[i] - back.theta[i]) <= fabsf(w.theta[i]) / 256, "weight %zu", i);
    weights_free(&back);
    weights_free(&w);
    ops_cpu()->close(dev);
}

static void flip(const char *path, size_t at, int bit)
{
    FILE *f = fopen(path, "r+");
    CHECK(f && fseek(f, (long)at, SEEK_SET) == 0);
    int c = fgetc(f);
    CHECK(c != EOF && fseek(f, (long)at, SEEK_SET) == 0 && fputc(c ^ 1 << bit, f) != EOF && fclose(f) == 0);
}

/* Flips bits all over the three files, and cuts them: each must be found, with the file's name. */
static void damage(void)
{
    static const char *const names[] = {"ck/config.json", "ck/model.safetensors", "ck/trainer/state.json"};
    struct weights w, back;
    struct device *dev;
    struct stat st;
    open_model(&w, &dev, DTYPE_F32);
    save(&w, "ck", ST_F32);
    for (int k = 0; k < 3; k++) {
        CHECK(stat(names[k], &st) == 0);
        size_t size = (size_t)st.st_size, stride = size > 4000 ? size / 200 : 1;
        for (size_t i = 0; i < size; i += stride) {
            flip(names[k], i, (int)(i % 8));
            CHECK(load("ck", dev, &back) == -1, "%s: flipped bit %zu of byte %zu was not seen", names[k],
                  i % 8, i);
            CHECK(strstr(err, names[k] + 3), "%s: %s", names[k], err);
            flip(names[k], i, (int)(i % 8));
        }
        CHECK(load("ck", dev, &back) == 0, "%s", err);
        weights_free(&back);
        CHECK(truncate(names[k], (off_t)size - 1) == 0 && load("ck", dev, &back) == -1, "%s cut", names[k]);
        save(&w, "ck", ST_F32);
    }
    weights_free(&w);
    ops_cpu()->close(dev);
}

/* A directory from elsewhere has no trainer/; then the tensors themselves must fit config.json. */
static void strangers(void)
{
    struct weights w, back;
    struct device *dev;
    open_model(&w, &dev, DTYPE_F32);
    save(&w, "ck", ST_F32);
    remove_tree("ck/trainer");
    CHECK(load("ck", dev, &back) == 0, "%s", err);
    weights_free(&back);
    size_t len;
    char *config = read_file("ck/config.json", &len, 1 << 20),
         *layers = strstr(config, "\"num_hidden_layers\": 2");
    CHECK(layers, "config.json: %s", config);
    for (int i = 1; i <= 3; i += 2) {
        layers[strlen("\"num_hidden_layers\": ")] = (char)('0' + i);
        FILE *f = fopen("ck/config.json", "w");
        CHECK(f && fwrite(config, 1, len, f) == len && fclose(f) == 0);
        CHECK(load("ck", dev, &back) == -1 && strstr(err, i == 1 ? "not part of the model" : "missing"), "%s",
              err);
    }
    free(config);
    weights_free(&w);
    ops_cpu()->close(dev);
}

static void logs(void)
{
    struct logfile l;
    size_t len;
    logfile_open(&l, ".", "log", 0);
    fprintf(l.f, "{\"a\":1");
    logfile_number(&l, "b", 0.5);
    logfile_number(&l, "c", NAN);
    fputc('}', l.f);
    logfile_end_line(&l);
    uint64_t at = logfile_sync(&l);
    fprintf(l.f, "gone");
    logfile_end_line(&l);
    logfile_close(&l);
    logfile_open(&l, ".", "log", at);
    fprintf(l.f, "again");
    logfile_end_line(&l);
    logfile_close(&l);
    char *text = read_file("log", &len, 1000);
    CHECK(strcmp(text, "{\"a\":1,\"b\":0.5,\"c\":null}\nagain\n") == 0, "%s", text);
    free(text);
}

static void run_directory(void)
{
    struct weights w;
    struct device *dev;
    json_t *state;
    open_model(&w, &dev, DTYPE_F32);
    rundir_open("run");
    CHECK(!rundir_has_checkpoints("run") && !rundir_newest("run", &state));
    for (uint64_t s = 10; s <= 50; s += 10) {
        char *dir = rundir_checkpoint("run", s);
        save(&w, dir, ST_F32);
        rundir_link("run", "latest", s);
        free(dir);
    }
    rundir_prune("run", 40, 2, 10); /* 50 is of the future: not counted, not touched */
    CHECK(is_dir("run/checkpoints/step-000010") && !path_exists("run/checkpoints/step-000020"));
    CHECK(is_dir("run/checkpoints/step-000030") && is_dir("run/checkpoints/step-000040"));
    CHECK(is_dir("run/checkpoints/step-000050"));
    char *dir = rundir_newest("run", &state);
    CHECK(dir && strstr(dir, "step-000050"));
    json_decref(state);
    free(dir);
    CHECK(truncate("run/checkpoints/step-000050/model.safetensors", 100) == 0);
    flip("run/checkpoints/step-000040/config.json", 5, 0);
    dir = rundir_newest("run", &state);
    CHECK(dir && strstr(dir, "step-000030"));
    json_decref(state);
    free(dir);
    dir = checkpoint_resolve("run", err, sizeof err);
    CHECK(dir && strcmp(dir, "run/latest") == 0);
    free(dir);
    weights_free(&w);
    ops_cpu()->close(dev);
}

/* A run that was begun before batches could be split goes on as it was begun; a new one is split. */
static void older_runs(void)
{
    char *argv[] = {"train", "-o", "run", "--resume", NULL};
    struct train_config *c = config_parse(4, argv);
    json_t *stored = json_pack("{sssIss}", "model", "nano", "steps", (json_int_t)10, "dtype", "bf16");
    config_resolve(c, stored, NULL);
    CHECK(c->steps == 10 && c->dtype == COMPUTE_BF16 && c->updates == 1, "%d updates", (int)c->updates);
    json_decref(stored);
    c = config_parse(4, argv);
    c->steps = 10;
    config_resolve(c, NULL, NULL);
    CHECK(c->updates == 0, "%d updates", (int)c->updates);
}

/* Each row of the option table is sound: a default within its range, as many words as its enum has values,
 * and a help text. What is stored of a run comes back as it was. */
static void option_table(void)
{
    char *argv[] = {"train", "-o",         "run",    "-t",       "tok.json", "--steps",
                    "10",    "--schedule", "cosine", "--finish", "auto",     NULL};
    settings_options(); /* which counts the words */
    struct train_config *c = config_parse(11, argv);
    CHECK(c->schedule == SCHEDULE_COSINE && c->finish == FINISH_AUTO);
    config_resolve(c, NULL, NULL);
    CHECK(c->lr == model_preset_find("nano")->lr && c->context == 256 && c->warmup == 0.1);
    json_t *stored = config_to_json(c);
    int rows = 0;
    for (const struct setting *s = NULL; (s = settings_next(s)); rows++) {
        CHECK(s->help[0] && s->name[0]);
        CHECK(isnan(s->initial) || (s->initial >= s->least && s->initial <= s->most), "--%s", s->name);
        json_t *before = json_object_get(stored, s->name), *after;
        CHECK(before != NULL, "--%s", s->name);
        setting_unset(s);
        CHECK(setting_from_json(s, before) == 0, "--%s", s->name);
        after = setting_to_json(s);
        CHECK(json_equal(before, after), "--%s", s->name);
        json_decref(after);
        after = json_string("no such word");
        CHECK(s->type == OPT_STR || setting_from_json(s, after) == -1, "--%s", s->name);
        json_decref(after);
    }
    CHECK(rows + 1 == (int)json_object_size(stored), "%d rows", rows); /* val is kept as well */
    json_decref(stored);
}

int main(void)
{
    test_begin(120);
    option_table();
    older_runs();
    schedules();
    guards();
    optimizer();
    partial_updates();
    growing();
    growth();
    group_rates();
    muon();
    muon_of(20, 30);
    muon_of(30, 20);
    muon_of(16, 64);
    muon_of(64, 16);
    lookaheads();
    grouping();
    finished(DTYPE_F32);
    finished(DTYPE_BF16);
    reserve();
    overfits(DTYPE_F32);
    overfits(DTYPE_BF16);
    checkpoints();
    damage();
    strangers();
    logs();
    run_directory();
    return 0;
}
