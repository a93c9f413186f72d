/*
 * prior.h - the analytic prior: the best linear forecast of the next displacement from the directions, by
 * group
 *
 *   G = keep G + <D_i, D_j>    r = keep r + <D_i, actual>    a0 = (G + eps I)^-1 r,  eps = ridge tr(G) / k
 * where D are the directions as they were when the block began. Displacements are per step.
 */
#ifndef HYBRID_PRIOR_H
#define HYBRID_PRIOR_H

#include "pipeline/train/hybrid/hybrid.h"

/* Inner products of one block: of the directions, with the actual displacement, and of that with itself. */
struct outcome {
    double gram[HYBRID_GROUPS][HYBRID_K][HYBRID_K];
    double along[HYBRID_GROUPS][HYBRID_K];
    double square[HYBRID_GROUPS];
};

struct prior {
    struct outcome sum; /* square is not used */
    uint64_t blocks;
};

void prior_add(struct prior *p, const struct outcome *o, int groups, double keep);
/* Zero for groups of which nothing is known. */
void prior_forecast(const struct prior *p, hybrid_coef a, int groups, double ridge);
/* a* = (G + eps I)^-1 r of one block alone: what the forecast should have been. */
void outcome_best(const struct outcome *o, hybrid_coef a, int groups, double ridge);

/* |actual - sum a D|^2 and |sum a D|^2 of group g. */
double outcome_miss(const struct outcome *o, int g, const double a[HYBRID_K]);
double outcome_norm(const struct outcome *o, int g, const double a[HYBRID_K]);
double outcome_norm_all(const struct outcome *o, hybrid_coef a, int groups);

#endif
