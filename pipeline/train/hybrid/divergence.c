#include "pipeline/train/hybrid/divergence.h"

#include <math.h>
#include <stddef.h>

enum { MEMORY = 50, ENOUGH = 20, PATIENCE = 8 };

static bool swings(const struct divergence *d)
{
    int alternate = 0, large = 0;
    for (uint64_t i = 0; i < DIVERGENCE_CHANGES; i++) {
        double now = d->change[(d->n + i) % DIVERGENCE_CHANGES];
        double next = d->change[(d->n + i + 1) % DIVERGENCE_CHANGES];
        large += now * now > 9 * d->change_square;
        alternate += i + 1 < DIVERGENCE_CHANGES && now * next < 0;
    }
    return alternate >= 6 && large >= 6;
}

static void take(double *mean, double *var, double x, double rate)
{
    double off = x - *mean;
    *mean += rate * off;
    *var = (1 - rate) * (*var + rate * off * off);
}

static const char *judge(struct divergence *d, double loss, double grad_norm, double band)
{
    if (!isfinite(loss))
        return "loss is not finite";
    if (!isfinite(grad_norm) || grad_norm <= 0)
        return "gradient is not finite";
    double norm = log(grad_norm), change = loss - d->last_loss;
    double norm_deviation = sqrt(d->norm_var),
           loss_deviation = fmax(sqrt(d->loss_var), 0.01 * fabs(d->loss_mean));
    if (d->n >= ENOUGH) {
        if (loss > d->loss_mean + band * loss_deviation)
            return "loss spike";
        if (norm > d->norm_mean + fmax(band * norm_deviation, M_LN2))
            return "gradient norm is outside its band";
    }
    d->change[d->n % DIVERGENCE_CHANGES] = d->n > 0 ? change : 0;
    d->last_loss = loss;
    d->n++;
    if (d->n > ENOUGH && swings(d))
        return "loss swings";
    double rate = d->n < MEMORY ? 1.0 / (double)d->n : 1.0 / MEMORY;
    take(&d->norm_mean, &d->norm_var, norm, rate);
    take(&d->loss_mean, &d->loss_var, loss, rate);
    double square = change * change;
    if (d->n > ENOUGH) /* swings must not soon count as usual */
        square = fmin(square, 4 * d->change_square);
    if (d->n > 1)
        d->change_square += rate * (square - d->change_square);
    return NULL;
}

const char *divergence_judge(struct divergence *d, double loss, double grad_norm, double band)
{
    const char *what = judge(d, loss, grad_norm, band);
    d->doubts = what ? d->doubts + 1 : 0;
    if (d->doubts >= PATIENCE)
        *d = (struct divergence){0};
    return what;
}
