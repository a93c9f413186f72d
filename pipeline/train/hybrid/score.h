/*
 * score.h - how good forecasts of displacements are: R^2 = 1 - sum |actual - forecast|^2 / sum |actual|^2,
 * over groups
 *
 * Held out by order of time: a forecast is made before the steps it is scored on.
 */
#ifndef HYBRID_SCORE_H
#define HYBRID_SCORE_H

#include "pipeline/train/hybrid/prior.h"

enum forecaster {
    FORECAST_ZERO,
    FORECAST_D1,
    FORECAST_D2,
    FORECAST_ANALYTIC,
    FORECAST_LEARNED,
    N_FORECASTERS
};

struct score {
    double missed[N_FORECASTERS], square;
    uint64_t n;
};

const char *forecaster_name(enum forecaster f);
/* The unlearned forecasts: D1 and D2 are the direction itself. */
void score_trivial(hybrid_coef a, enum forecaster f, int groups);
/* Returns the R^2 of this outcome alone. */
double score_add(struct score *s, enum forecaster f, const struct outcome *o, hybrid_coef a, int groups);
double score_r2(const struct score *s, enum forecaster f);

#endif
