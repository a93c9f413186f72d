#include "pipeline/train/hybrid/bandit.h"

#include "pipeline/train/hybrid/dense.h"
#include "pipeline/lib/random.h"

#include <math.h>
#include <string.h>

/* Priors in cycles: the base is 1 by the choice of unit. Drift gains about a tenth where it has been measured
 * (EMA-Nesterov); jumps were seen to lose a little. Deviations are guesses. */
static const double prior_mean[] = {1, 0.1, -0.02, 0, 0, 0, 0};
static const double prior_deviation[] = {0.3, 0.2, 0.1, 0.07, 0.07, 0.07, 0.07};
_Static_assert(sizeof prior_mean / sizeof *prior_mean == BANDIT_DIM, "one prior a component");

enum { ALTERNATE = 6 }; /* cycles that are with and without drift in turn (guess) */

void bandit_init(struct bandit *b, uint64_t seed, double cost)
{
    *b = (struct bandit){.noise = 0.25, .random = seed};
    for (int i = 0; i < HYBRID_SCALES; i++)
        b->cost[i] = cost;
}

double bandit_scale(const struct hybrid_config *c, uint64_t arm)
{
    return arm == 0 ? 0 : c->scale_max * pow(0.5, (double)(HYBRID_SCALES - arm));
}

/* Factor of the posterior's precision, and its mean. */
static void posterior(const struct bandit *b, double *L, double *mean)
{
    double A[BANDIT_DIM * BANDIT_DIM], t[BANDIT_DIM];
    for (int i = 0; i < BANDIT_DIM; i++) {
        double weight = 1 / (prior_deviation[i] * prior_deviation[i]);
        for (int j = 0; j < BANDIT_DIM; j++)
            A[i * BANDIT_DIM + j] = b->precision[i][j] / b->noise + (i == j ? weight : 0);
        t[i] = b->target[i] / b->noise + weight * prior_mean[i];
    }
    if (!dense_cholesky(L, A, BANDIT_DIM)) /* cannot be while the numbers are finite */
        memset(L, 0, sizeof A);
    dense_solve(L, mean, t, BANDIT_DIM);
}

static double base(double w0)
{
    return w0 > 0.2 ? w0 : 0.2;
}

/* What a cycle with drift, or with a jump of that arm, has beside the base. */
static void regressors(double *x, double base_part, bool drift, uint64_t arm)
{
    memset(x, 0, BANDIT_DIM * sizeof *x);
    x[0] = base_part;
    x[1] = drift;
    if (arm > 0)
        x[2] = x[2 + arm] = 1;
}

void bandit_gain(const struct bandit *b, uint64_t arm, double cycle_steps, double *mean, double *deviation)
{
    double L[BANDIT_DIM * BANDIT_DIM], w[BANDIT_DIM], x[BANDIT_DIM], column[BANDIT_DIM], sum = 0, var = 0;
    posterior(b, L, w);
    regressors(x, 0, arm == 0, arm);
    dense_solve(L, column, x, BANDIT_DIM);
    for (int i = 0; i < BANDIT_DIM; i++) {
        sum += x[i] * w[i];
        var += x[i] * column[i];
    }
    *mean = sum / base(w[0]) * cycle_steps;
    *deviation = sqrt(var) / base(w[0]) * cycle_steps;
}

double bandit_expected(const struct bandit *b, bool drift)
{
    double L[BANDIT_DIM * BANDIT_DIM], w[BANDIT_DIM];
    posterior(b, L, w);
    return b->trend * (w[0] + (drift ? w[1] : 0));
}

static void thompson(struct bandit *b, double *w)
{
    double L[BANDIT_DIM * BANDIT_DIM], mean[BANDIT_DIM], z[BANDIT_DIM];
    posterior(b, L, mean);
    for (int i = 0; i < BANDIT_DIM; i++)
        z[i] = random_normal(&b->random);
    dense_solve_upper(L, w, z, BANDIT_DIM);
    for (int i = 0; i < BANDIT_DIM; i++)
        w[i] += mean[i];
}

static double confidence(const struct bandit *b, int scale, double cycle_steps)
{
    double mean, deviation;
    bandit_gain(b, 1 + (uint64_t)scale, cycle_steps, &mean, &deviation);
    return dense_normal_cdf((mean - b->cost[scale]) / deviation);
}

static bool choose_drift(struct bandit *b, double w)
{
    double u = random_uniform(&b->random);
    if (b->cycles < ALTERNATE)
        return b->cycles % 2 == 0;
    return w > 0 && u >= 1.0 / 8;
}

struct choice bandit_choose(struct bandit *b, const struct hybrid_config *c, double cycle_steps,
                            bool may_jump)
{
    struct choice made = {0};
    double w[BANDIT_DIM], best = 0, highest = 0;
    thompson(b, w);
    made.control = random_uniform(&b->random) < c->control;
    made.drift = c->drift > 0 && choose_drift(b, w[1]);
    for (int i = 0; i < HYBRID_SCALES; i++) {
        double sure = confidence(b, i, cycle_steps),
               sampled = (w[2] + w[3 + i]) / base(w[0]) * cycle_steps - b->cost[i];
        highest = sure > highest ? sure : highest;
        bool eligible = sure >= c->confidence || b->tried[i] < (double)c->trials - 0.5;
        if (!may_jump || made.control || !eligible || sampled <= best)
            continue;
        best = sampled;
        made.arm = (uint64_t)i + 1;
        made.confidence = sure;
    }
    if (made.arm == 0)
        made.confidence = highest;
    made.scale = bandit_scale(c, made.arm);
    return made;
}

/* What this cycle should have yielded; then the level and the slope of the trend's logarithm learn from what
 * it did. The factors are guesses. */
static double follow(struct bandit *b, double fall)
{
    const double least = 1e-4; /* nats: on a plateau, where falls are noise */
    double expected = fmax(least, b->cycles == 1 ? fall : b->trend * exp(b->slope));
    double off = log(fmax(fall, 0.3 * expected) / expected);
    off = off > 1 ? 1 : off;
    b->trend = fmax(least, expected * exp(0.15 * off));
    b->slope = fmax(-0.5, fmin(0.1, b->slope + 0.05 * off));
    return expected;
}

void bandit_learn(struct bandit *b, const struct hybrid_config *c, const struct choice *made, bool applied,
                  double fall, double cost)
{
    double x[BANDIT_DIM], L[BANDIT_DIM * BANDIT_DIM], w[BANDIT_DIM];
    if (!isfinite(fall))
        return;
    b->cycles++;
    b->jumps += applied;
    b->controls += made->control;
    if (made->arm > 0) {
        b->cost[made->arm - 1] += 0.3 * (cost - b->cost[made->arm - 1]);
        b->tried[made->arm - 1]++;
    }
    regressors(x, 1, made->drift, applied ? made->arm : 0);
    double y = fall / follow(b, fall);
    y = y > 5 ? 5 : y < -5 ? -5 : y;
    double missed = y;
    posterior(b, L, w);
    for (int i = 0; i < BANDIT_DIM; i++)
        missed -= w[i] * x[i];
    missed = missed > 5 ? 5 : missed < -5 ? -5 : missed;
    b->noise = fmax(1e-3, b->noise + 0.1 * (missed * missed - b->noise));
    for (int i = 0; i < BANDIT_DIM; i++) {
        b->target[i] = c->bandit_keep * b->target[i] + x[i] * y;
        for (int j = 0; j < BANDIT_DIM; j++)
            b->precision[i][j] = c->bandit_keep * b->precision[i][j] + x[i] * x[j];
    }
    for (int i = 0; i < HYBRID_SCALES; i++)
        b->tried[i] *= c->bandit_keep;
}
