#include "pipeline/train/forecast.h"

#include <math.h>
#include <string.h>

enum { GRID = 2048, TERMS = 3, POWERS = 23, LEAST_BLOCKS = 12, LEVEL = 8 };

/* Steps at the full rate in which half of what a falling rate gains is there. */
static const double MEMORY = 100;
static const double SKIPPED = 0.5;    /* of the steps so far: the power law holds for the later ones */
static const double LAST = 0.03;      /* of all steps: whose mean is the loss at the end */
static const double AHEAD = 0.025;    /* error of the law, of the loss, for each factor e of steps to come */
static const double normal_95 = 1.96; /* deviations */
/* In units of the present loss: the mean of E, which grows with the logarithm (to base 10) of the tokens that
 * a weight has seen, since what a model is too small for stays; that of E + A S^-a; then that of B. */
static const double E_ONE = 0.492, E_TENFOLD = 0.331, E_LEAST = 0.05, E_MOST = 0.9, WHOLE = 1.143,
                    B_MEAN = 0.146;
static const double deviation[TERMS] = {0.04, 0.374, 0.016}; /* of E, A S^-a and B */
static const double prior_power[2] = {0.524, 0.072};         /* mean and deviation of the exponent a */

void losses_begin(struct losses *l, uint64_t from, double tokens)
{
    *l = (struct losses){.from = from, .width = 1, .tokens = tokens};
}

void losses_add(struct losses *l, double loss)
{
    if (l->n == FORECAST_BLOCKS * l->width) {
        for (int i = 0; i < FORECAST_BLOCKS / 2; i++)
            l->block[i] = (l->block[2 * i] + l->block[2 * i + 1]) / 2;
        l->width *= 2;
    }
    uint64_t at = l->n / l->width, within = l->n % l->width;
    double before = within > 0 ? l->block[at] : at > 0 ? l->block[at - 1] : 0;
    if (!isfinite(loss))
        loss = before;
    l->block[at] = within > 0 ? before + (loss - before) / (double)(within + 1) : loss;
    l->n++;
}

struct grid { /* of a schedule: the middle of each of GRID equal parts of its steps */
    double step, rate[GRID], sum[GRID];
};

static void grid_make(struct grid *g, const struct schedule *s)
{
    double sum = 0;
    g->step = (double)s->steps / GRID;
    for (int i = 0; i < GRID; i++) {
        g->rate[i] = schedule_lr(s, (uint64_t)((i + 0.5) * g->step)) / s->peak;
        g->sum[i] = sum + g->rate[i] * g->step / 2;
        sum += g->rate[i] * g->step;
    }
}

/* S and D at a step. */
static void at_step(const struct grid *g, double step, double *S, double *D)
{
    double x = step / g->step - 0.5;
    int at = x < 0 ? 0 : x > GRID - 1 ? GRID - 1 : (int)x;
    *S = g->sum[at] + g->rate[at] * (x - at) * g->step;
    *D = 0;
    for (int k = 1; k <= at; k++) {
        double fall = g->rate[k - 1] - g->rate[k], since = (*S - g->sum[k]) / (MEMORY * g->rate[k]);
        *D += fall > 0 && since > 0 ? fall * since / (1 + since) : 0;
    }
}

struct fit {
    double H[TERMS][TERMS], b[TERMS]; /* normal equations */
    double squares;                   /* weighted, of what is fitted */
};

static void fit_add(struct fit *f, const double x[TERMS], double y, double weight)
{
    for (int i = 0; i < TERMS; i++) {
        for (int j = 0; j < TERMS; j++)
            f->H[i][j] += weight * x[i] * x[j];
        f->b[i] += weight * x[i] * y;
    }
    f->squares += weight * y * y;
}

/* Cholesky's factor of H in place; returns the logarithm of its determinant. */
static double factorise(double H[TERMS][TERMS])
{
    double logarithm = 0;
    for (int i = 0; i < TERMS; i++) {
        for (int j = 0; j <= i; j++) {
            double sum = H[i][j];
            for (int k = 0; k < j; k++)
                sum -= H[i][k] * H[j][k];
            H[i][j] = i == j ? sqrt(sum) : sum / H[j][j];
        }
        logarithm += 2 * log(H[i][i]);
    }
    return logarithm;
}

/* L y = b: the first half of a solution. */
static void forward(double L[TERMS][TERMS], const double b[TERMS], double y[TERMS])
{
    for (int i = 0; i < TERMS; i++) {
        y[i] = b[i];
        for (int k = 0; k < i; k++)
            y[i] -= L[i][k] * y[k];
        y[i] /= L[i][i];
    }
}

static double product(const double a[TERMS], const double b[TERMS])
{
    double sum = 0;
    for (int i = 0; i < TERMS; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Forecast of x, its variance, and the logarithm of the evidence (but for what all powers have in common). */
static void fit_solve(struct fit *f, const double x[TERMS], double *mean, double *variance, double *evidence)
{
    double y[TERMS], z[TERMS], logarithm = factorise(f->H);
    forward(f->H, f->b, y);
    forward(f->H, x, z);
    *mean = product(z, y);
    *variance = product(z, z);
    *evidence = -0.5 * (f->squares - product(y, y)) - 0.5 * logarithm;
}

struct points {
    int n;
    double loss[FORECAST_BLOCKS], S[FORECAST_BLOCKS], D[FORECAST_BLOCKS];
    double noise; /* variance of one */
    double level; /* mean loss of the last few */
    double prior[TERMS];
};

static void make_prior(struct points *p, const struct losses *l)
{
    double seen = l->tokens * (double)(l->from + l->n), E = E_ONE + E_TENFOLD * log10(seen > 0 ? seen : 1);
    p->prior[0] = fmin(fmax(E, E_LEAST), E_MOST);
    p->prior[1] = WHOLE - p->prior[0];
    p->prior[2] = B_MEAN;
}

/* The finished blocks that count. */
static void points_make(struct points *p, const struct losses *l, const struct schedule *s)
{
    struct grid g;
    uint64_t end = l->from + l->n;
    double first = fmax((double)l->from + SKIPPED * (double)l->n, (double)schedule_warm_steps(s)),
           squares = 0;
    p->n = 0;
    grid_make(&g, s);
    for (uint64_t i = 0; (i + 1) * l->width <= l->n; i++) {
        double middle = (double)l->from + ((double)i + 0.5) * (double)l->width;
        if (middle < first || middle > (double)end)
            continue;
        p->loss[p->n] = l->block[i];
        at_step(&g, middle, &p->S[p->n], &p->D[p->n]);
        if (p->n++ > 0)
            squares += pow(p->loss[p->n - 1] - p->loss[p->n - 2], 2);
    }
    p->noise = p->n > 1 ? squares / (2 * (p->n - 1)) : 0;
    make_prior(p, l);
    p->level = 0;
    for (int i = p->n; i-- > 0 && i >= p->n - LEVEL;)
        p->level += p->loss[i] / (p->n < LEVEL ? p->n : LEVEL);
}

/* The law with this power, fitted. S counts in units of now's, so that A S^-a is a part of the present loss.
 */
static void fit_power(const struct points *p, double power, double S_end, double D_end, double *mean,
                      double *variance, double *evidence)
{
    struct fit f = {0};
    double scale = p->level, now = p->S[p->n - 1], noise = fmax(p->noise, 1e-8 * scale * scale);
    for (int i = 0; i < p->n; i++)
        fit_add(&f, (const double[TERMS]){1, pow(p->S[i] / now, -power), -p->D[i]}, p->loss[i], 1 / noise);
    for (int i = 0; i < TERMS; i++) {
        double x[TERMS] = {0};
        x[i] = 1;
        fit_add(&f, x, p->prior[i] * scale, 1 / pow(deviation[i] * scale, 2));
    }
    fit_solve(&f, (const double[TERMS]){1, pow(S_end / now, -power), -D_end}, mean, variance, evidence);
    *evidence -= 0.5 * pow((power - prior_power[0]) / prior_power[1], 2);
}

/* The law's value at S, D, averaged over the powers. ahead: how many times as far as now that is. */
static bool solve(const struct points *p, double S, double D, double ahead, struct forecast *out)
{
    double mean[POWERS], variance[POWERS], evidence[POWERS], most = -INFINITY, weights = 0, square = 0;
    if (p->n < LEAST_BLOCKS || !(p->noise > 0))
        return false;
    for (int i = 0; i < POWERS; i++) {
        fit_power(p, 0.05 + 0.05 * i, S, D, &mean[i], &variance[i], &evidence[i]);
        most = fmax(most, evidence[i]);
    }
    out->loss = 0;
    for (int i = 0; i < POWERS; i++) {
        double weight = exp(evidence[i] - most);
        weights += weight;
        out->loss += weight * mean[i];
        square += weight * (variance[i] + mean[i] * mean[i]);
    }
    out->loss /= weights;
    double unknown = log(fmax(ahead, 1)) * AHEAD * out->loss,
           off = sqrt(fmax(square / weights - out->loss * out->loss, 0) + unknown * unknown);
    out->low = out->loss - normal_95 * off;
    out->high = out->loss + normal_95 * off;
    return isfinite(out->loss) && isfinite(off);
}

bool forecast_at(const struct losses *l, const struct schedule *now, const struct schedule *of, double step,
                 struct forecast *out)
{
    struct points p;
    struct grid g;
    double S, D;
    points_make(&p, l, now);
    grid_make(&g, of);
    at_step(&g, step, &S, &D);
    return solve(&p, S, D, step / (double)(l->from + l->n), out);
}

bool forecast_make(const struct losses *l, const struct schedule *now, const struct schedule *of,
                   struct forecast *out)
{
    return forecast_at(l, now, of, (1 - LAST / 2) * (double)of->steps, out);
}
