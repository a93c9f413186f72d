#include "pipeline/train/hybrid/rssm/calibrate.h"

#include <math.h>

enum { ITERATIONS = 50 };

static double logit(float p)
{
    double q = fmin(fmax((double)p, 1e-3), 1 - 1e-3); /* finitely many samples cannot say more */
    return log(q / (1 - q));
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* log(1 + e^x) */
static double softplus(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

static double objective(struct calibration c, const float *raw, const float *gained, size_t n, double prior)
{
    double sum = prior / 2 * ((c.slope - 1) * (c.slope - 1) + c.offset * c.offset);
    for (size_t i = 0; i < n; i++) {
        double x = c.slope * logit(raw[i]) + c.offset;
        sum += softplus(x) - (double)gained[i] * x;
    }
    return sum;
}

/* One Newton step of a strictly convex function, halved until it descends. Whether it went anywhere. */
static int newton(struct calibration *c, const float *raw, const float *gained, size_t n, double prior,
                  int fixed_slope)
{
    double ga = prior * (c->slope - 1), gb = prior * c->offset, haa = prior, hab = 0, hbb = prior;
    for (size_t i = 0; i < n; i++) {
        double s = logit(raw[i]), p = sigmoid(c->slope * s + c->offset), d = p - (double)gained[i],
               v = p * (1 - p);
        ga += d * s;
        gb += d;
        haa += v * s * s;
        hab += v * s;
        hbb += v;
    }
    double det = haa * hbb - hab * hab;
    double da = fixed_slope ? 0 : (hbb * ga - hab * gb) / det;
    double db = fixed_slope ? gb / hbb : (haa * gb - hab * ga) / det;
    double before = objective(*c, raw, gained, n, prior);
    for (double step = 1; step > 1e-6; step /= 2) {
        struct calibration next = {c->slope - step * da, c->offset - step * db};
        if (objective(next, raw, gained, n, prior) < before) {
            *c = next;
            return 1;
        }
    }
    return 0;
}

struct calibration calibrate_fit(const float *raw, const float *gained, size_t n, double prior)
{
    struct calibration c = {1, 0};
    for (int i = 0; i < ITERATIONS && newton(&c, raw, gained, n, prior, 0); i++)
        ;
    if (c.slope >= 0)
        return c;
    c = (struct calibration){0, 0}; /* raw points the wrong way: the share of gains is all that is known */
    for (int i = 0; i < ITERATIONS && newton(&c, raw, gained, n, prior, 1); i++)
        ;
    return c;
}

float calibrate_apply(const struct calibration *c, float raw)
{
    return (float)sigmoid(c->slope * logit(raw) + c->offset);
}
