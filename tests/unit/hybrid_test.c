/*
 * hybrid_test - the engine's pure parts: what they decide on made-up numbers of which the right answer is
 * known
 *
 * What they do to a run is in tests/cli/train_engine.sh, the learned dynamics in rssm_test.
 */
#include <math.h>
#include <string.h>

#include "pipeline/train/groups.h"
#include "pipeline/train/hybrid/bandit.h"
#include "pipeline/train/hybrid/dense.h"
#include "pipeline/train/hybrid/divergence.h"
#include "pipeline/train/hybrid/features.h"
#include "pipeline/train/hybrid/phases.h"
#include "pipeline/train/hybrid/prior.h"
#include "pipeline/lib/random.h"
#include "pipeline/train/hybrid/score.h"
#include "tests/check.h"

static const struct hybrid_config config = {.jumps = JUMPS_ON,
                                            .fault = FAULT_NONE,
                                            .warmup = 100,
                                            .warmup_max = 500,
                                            .full = 30,
                                            .correct = 15,
                                            .block = 15,
                                            .horizon = 50,
                                            .horizon_min = 10,
                                            .horizon_max = 100,
                                            .grow = 1.25,
                                            .shrink = 0.5,
                                            .sub_jumps = 5,
                                            .scale_max = 1,
                                            .drift = 0.6,
                                            .ridge = 1e-3,
                                            .prior_keep = 0.9,
                                            .mean_steps = 30,
                                            .control = 0.15,
                                            .confidence = 0.6,
                                            .bandit_keep = 0.98,
                                            .trials = 2,
                                            .accept_z = -1,
                                            .reject_se = 2,
                                            .norm_limit = 1,
                                            .band = 6,
                                            .backoff = 2};
static uint64_t seed = 5;

static void dense(void)
{
    double A[] = {4, 1, 0.5, 1, 3, -1, 0.5, -1, 2}, L[9], x[3], b[] = {1, 2, 3}, back[3] = {0};
    CHECK(dense_cholesky(L, A, 3));
    dense_solve(L, x, b, 3);
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++)
            back[i] += A[i * 3 + j] * x[j];
        CHECK(fabs(back[i] - b[i]) < 1e-12);
    }
    double bad[] = {1, 2, 2, 1};
    CHECK(!dense_cholesky(L, bad, 2));
    CHECK(fabs(dense_normal_cdf(1.96) - 0.975) < 1e-4);
}

/* Vectors of 400 weights in two groups; the displacement is a known combination plus noise. */
enum { DIM = 400, GROUPS = 2 };

static void make_outcome(struct outcome *o, const double truth[GROUPS][HYBRID_K], double noise)
{
    double D[HYBRID_K][DIM], actual[DIM];
    memset(o, 0, sizeof *o);
    for (int g = 0; g < GROUPS; g++) {
        for (int i = 0; i < DIM; i++) {
            actual[i] = noise * random_normal(&seed);
            for (int j = 0; j < HYBRID_K; j++) {
                D[j][i] = random_normal(&seed);
                actual[i] += truth[g][j] * D[j][i];
            }
        }
        for (int i = 0; i < DIM; i++) {
            o->square[g] += actual[i] * actual[i];
            for (int j = 0; j < HYBRID_K; j++) {
                o->along[g][j] += D[j][i] * actual[i];
                for (int k = 0; k < HYBRID_K; k++)
                    o->gram[g][j][k] += D[j][i] * D[k][i];
            }
        }
    }
}

static void priors(void)
{
    const double truth[GROUPS][HYBRID_K] = {{0.5, 0.2, -0.1, 0}, {0, 1, 0, 0.3}};
    static struct prior p;
    static struct score s;
    static struct outcome o;
    static hybrid_coef a, one;
    prior_forecast(&p, a, GROUPS, 1e-3);
    for (int g = 0; g < GROUPS; g++)
        CHECK(a[g][0] == 0 && a[g][3] == 0, "a forecast from nothing");
    for (int b = 0; b < 30; b++) {
        make_outcome(&o, truth, 2);
        prior_forecast(&p, a, GROUPS, 1e-3);
        score_trivial(one, FORECAST_ZERO, GROUPS);
        CHECK(fabs(score_add(&s, FORECAST_ZERO, &o, one, GROUPS)) < 1e-12);
        score_trivial(one, FORECAST_D1, GROUPS);
        score_add(&s, FORECAST_D1, &o, one, GROUPS);
        score_add(&s, FORECAST_ANALYTIC, &o, a, GROUPS);
        prior_add(&p, &o, GROUPS, 0.95);
    }
    for (int g = 0; g < GROUPS; g++)
        for (int j = 0; j < HYBRID_K; j++)
            CHECK(fabs(a[g][j] - truth[g][j]) < 0.1, "group %d: coefficient %d is %g", g, j, a[g][j]);
    /* share of the variance that can be known: 0.30 / 4.30 and 1.09 / 5.09 */
    double most = (0.30 + 1.09) / (4.30 + 5.09), r2 = score_r2(&s, FORECAST_ANALYTIC);
    CHECK(r2 > 0.8 * most && r2 < 1.15 * most, "R2 %g, at most %g", r2, most);
    CHECK(score_r2(&s, FORECAST_D1) < 0);
    outcome_best(&o, a, GROUPS, 0);
    CHECK(outcome_miss(&o, 0, a[0]) <= outcome_miss(&o, 0, one[0]));
    memset(&o.gram[1], 0, sizeof o.gram[1]); /* a direction that is still zero */
    outcome_best(&o, a, GROUPS, 1e-3);
    CHECK(a[1][0] == 0 && isfinite(a[0][0]));
}

enum { RUNS = 5, CYCLES = 200 };

struct played {      /* sums over RUNS runs */
    int first, late; /* jumps in the first 40 and in the last 100 cycles */
    int controls, drifts;
};

/* Cycles fall by ever less, with noise of a quarter of that; an applied jump adds `gain` steps of 45 times
 * its scale and costs 1.5, drift adds 5. */
static struct played play(double gain, struct bandit *b)
{
    struct played p = {0};
    for (int i = 0; i < RUNS * CYCLES; i++) {
        int cycle = i % CYCLES;
        if (cycle == 0)
            bandit_init(b, (uint64_t)i, 0.6);
        struct choice c = bandit_choose(b, &config, 45, true);
        double base = 0.05 / (1 + cycle / 100.0), g = (c.arm ? gain * c.scale : 0) + (c.drift ? 5 : 0);
        CHECK(!(c.control && c.arm), "a control cycle jumps");
        bandit_learn(b, &config, &c, c.arm > 0, base * (1 + g / 45 + 0.25 * random_normal(&seed)),
                     c.arm ? 1.5 : 0);
        p.controls += c.control;
        p.drifts += c.drift;
        p.late += cycle >= 100 && c.arm > 0;
        p.first += cycle < 40 && c.arm > 0;
    }
    return p;
}

static void bandits(void)
{
    struct bandit b;
    struct played p = play(0, &b);
    CHECK(p.late < 20 * RUNS && p.first < 20 * RUNS, "useless: %d and %d jumps in %d runs", p.first, p.late,
          RUNS);
    CHECK(p.controls > 20 * RUNS && p.controls < 40 * RUNS, "%d control cycles", p.controls);
    CHECK(p.drifts > 130 * RUNS, "drift pays, and is on in %d of %d", p.drifts, RUNS * CYCLES);
    p = play(-20, &b);
    CHECK(p.late < 16 * RUNS, "harmful: %d jumps", p.late);
    p = play(14, &b);
    CHECK(p.late > 60 * RUNS, "jumps that pay: %d", p.late);
    double mean, deviation;
    bandit_gain(&b, HYBRID_SCALES, 45, &mean, &deviation);
    CHECK(fabs(mean - 14) < 3 * deviation + 1 && deviation < 5, "gain %g +- %g, is 14", mean, deviation);
    CHECK(bandit_scale(&config, 0) == 0 && bandit_scale(&config, HYBRID_SCALES) == 1 &&
          bandit_scale(&config, 1) == 0.125);
    struct choice none = bandit_choose(&b, &config, 45, false);
    CHECK(none.arm == 0);
    bandit_learn(&b, &config, &none, false, NAN, 0);
    CHECK(isfinite(b.noise) && isfinite(b.trend));
}

static void phase_control(void)
{
    struct phases p;
    enum phase next;
    const char *why = NULL;
    phases_init(&p, &config);
    int step = 0;
    for (; !why; step++) /* falls fast for 200 steps, then slowly */
        why = phases_step(&p, &config, step < 200 ? 8 - step * 0.02 : 4 - (step - 200) * 1e-4, RATE_HOLDS,
                          &next);
    p.block_steps = 0;
    CHECK(step > 250 && step < 320 && next == PHASE_FULL && strstr(why, "stable"), "step %d: %s", step, why);
    phases_enter(&p, &config, next);
    for (int i = 1; i <= 30; i++) {
        why = phases_step(&p, &config, 4, RATE_HOLDS, &next);
        CHECK((why != NULL) == (i == 30) && phases_block_ends(&p, &config, why) == (i % 15 == 0));
        if (i % 15 == 0)
            p.block_steps = 0;
    }
    CHECK(next == PHASE_PREDICT);
    phases_enter(&p, &config, next);
    phases_enter(&p, &config, PHASE_FULL); /* declined: 45 steps to the next decision */
    CHECK(p.length == 45);
    phases_enter(&p, &config, PHASE_PREDICT);
    phases_accepted(&p, &config);
    CHECK(p.horizon == 62.5);
    phases_enter(&p, &config, PHASE_CORRECT);
    CHECK(p.length == 15);
    for (int i = 0; i < 20; i++)
        phases_rejected(&p, &config);
    CHECK(p.horizon == 10);
    for (int i = 0; i < 20; i++)
        phases_accepted(&p, &config);
    CHECK(p.horizon == 100);
    why = phases_step(&p, &config, 4, RATE_FALLS, &next);
    CHECK(next == PHASE_OFF && strstr(why, "decay"));
    phases_enter(&p, &config, next);
    CHECK(!phases_step(&p, &config, 4, RATE_HOLDS, &next) && next == PHASE_OFF);
}

/* A learning rate that rises for longer than the engine's longest warm-up is no decay. */
static void long_warmup(void)
{
    struct phases p;
    enum phase next;
    phases_init(&p, &config);
    for (uint64_t i = 0; i < 2 * config.warmup_max; i++)
        CHECK(!phases_step(&p, &config, 4, RATE_RISES, &next));
    CHECK(phases_step(&p, &config, 4, RATE_HOLDS, &next) && next == PHASE_FULL);
    phases_init(&p, &config);
    const char *why = phases_step(&p, &config, 4, RATE_FALLS, &next);
    CHECK(next == PHASE_OFF && strstr(why, "decay"), "a run that decays before the engine is warm");
}

static void divergences(void)
{
    struct divergence d = {0};
    for (int i = 0; i < 200; i++) {
        const char *what =
            divergence_judge(&d, 4 + 0.05 * random_normal(&seed), exp(0.1 * random_normal(&seed)), 6);
        CHECK(!what, "%s at step %d", what, i);
    }
    struct divergence same = d;
    CHECK(strstr(divergence_judge(&d, NAN, 1, 6), "loss is not"));
    CHECK(strstr(divergence_judge(&d, 4, INFINITY, 6), "gradient is not"));
    CHECK(strstr(divergence_judge(&d, 5, 1, 6), "spike"));
    CHECK(strstr(divergence_judge(&d, 4, 3, 6), "band"));
    CHECK(d.norm_mean == same.norm_mean && d.loss_var == same.loss_var, "a doubtful step is learnt from");
    const char *what = NULL;
    for (int i = 0; i < 10 && !what; i++)
        what = divergence_judge(&d, i % 2 ? 4.15 : 3.85, 1, 6);
    CHECK(what && strstr(what, "swings"));
    int doubts = 0; /* a new level is accepted in the end */
    for (int i = 0; i < 40; i++)
        doubts += divergence_judge(&d, 7 + 0.05 * random_normal(&seed), 1, 6) != NULL;
    CHECK(doubts >= 6 && doubts <= 8, "%d doubts", doubts);
}

/* Numbers of order 1 whatever comes in, and what they say: cosines, classes, actions. */
static void features(void)
{
    static struct outcome o;
    static hybrid_coef a;
    static float phi[HYBRID_GROUPS][FEATURES_PHI];
    float x[FEATURES_X], u[FEATURES_U];
    struct feature_input in = {.groups = 2, .now = &o, .best = a, .missed = a};
    in.group[0] = (struct feature_group){CLASS_ATTENTION, 0, 1e6};
    in.group[1] = (struct feature_group){CLASS_MLP, 2, 4e6};
    features_x(&in, x); /* at the very begin: nothing is known */
    features_phi(&in, phi);
    for (int i = 0; i < FEATURES_X; i++)
        CHECK(isfinite(x[i]) && fabsf(x[i]) <= 100, "x[%d] is %g", i, (double)x[i]);
    for (int i = 0; i < FEATURES_PHI; i++)
        CHECK(isfinite(phi[0][i]) && fabsf(phi[1][i]) <= 10);
    const double truth[GROUPS][HYBRID_K] = {{1, 0, 0, 0}, {0, 0, 0, 0}};
    make_outcome(&o, truth, 0);
    in.loss[0] = 3;
    in.loss[1] = 3.5;
    in.norm_mean = NAN;
    a[0][1] = 1e9;
    features_x(&in, x);
    features_phi(&in, phi);
    CHECK(fabs((double)x[0] - log(3)) < 1e-6 && fabs((double)x[1] + 0.5) < 1e-6 && x[5] == 0);
    enum { FIRST = 18, GRADIENT = 3 }; /* of the cosines of attention: D_0 with the gradient, here itself */
    CHECK(fabsf(x[FIRST + GRADIENT] - 1) < 1e-5f && fabsf(x[FIRST]) < 0.3f, "%g %g",
          (double)x[FIRST + GRADIENT], (double)x[FIRST]);
    CHECK(phi[0][CLASS_ATTENTION] == 1 && phi[0][CLASS_MLP] == 0 && phi[1][CLASS_MLP] == 1 &&
          phi[1][4] == 1 && phi[0][14] == 2);
    const struct feature_action act = {
        .lr_ratio = 1, .virtual_steps = 50, .scale = 0.5, .steps = 15, .correct = true, .groups = 2, .c = a};
    features_u(&act, u);
    CHECK(u[0] == 1 && u[1] == 0.5f && u[3] == 0.5f && u[5] == 1 && fabsf(u[7]) <= 3);
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

int main(void)
{
    test_begin(60);
    dense();
    priors();
    bandits();
    phase_control();
    long_warmup();
    divergences();
    features();
    grouping();
    return 0;
}
