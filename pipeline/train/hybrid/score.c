#include "pipeline/train/hybrid/score.h"

#include <math.h>
#include <string.h>

const char *forecaster_name(enum forecaster f)
{
    static const char *const names[] = {"zero", "d1", "d2", "analytic", "rssm"};
    return names[f];
}

void score_trivial(hybrid_coef a, enum forecaster f, int groups)
{
    memset(a, 0, sizeof(hybrid_coef));
    for (int g = 0; g < groups && f != FORECAST_ZERO; g++)
        a[g][f == FORECAST_D1 ? 0 : 1] = 1;
}

double score_add(struct score *s, enum forecaster f, const struct outcome *o, hybrid_coef a, int groups)
{
    double missed = 0, square = 0;
    for (int g = 0; g < groups; g++) {
        missed += outcome_miss(o, g, a[g]);
        square += o->square[g];
    }
    s->missed[f] += missed;
    if (f == FORECAST_ZERO) {
        s->square += square;
        s->n++;
    }
    return square > 0 ? 1 - missed / square : NAN;
}

double score_r2(const struct score *s, enum forecaster f)
{
    return s->square > 0 ? 1 - s->missed[f] / s->square : NAN;
}
