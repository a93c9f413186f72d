#include "pipeline/train/hybrid/prior.h"

#include "pipeline/train/hybrid/dense.h"

#include <string.h>

void prior_add(struct prior *p, const struct outcome *o, int groups, double keep)
{
    p->blocks++;
    for (int g = 0; g < groups; g++) {
        for (int i = 0; i < HYBRID_K; i++) {
            p->sum.along[g][i] = keep * p->sum.along[g][i] + o->along[g][i];
            for (int j = 0; j < HYBRID_K; j++)
                p->sum.gram[g][i][j] = keep * p->sum.gram[g][i][j] + o->gram[g][i][j];
        }
    }
}

/* Directions that are still zero get the coefficient 0: their row is replaced by one of the unit matrix. */
static void solve(double a[HYBRID_K], const double gram[HYBRID_K][HYBRID_K], const double along[HYBRID_K],
                  double ridge)
{
    double A[HYBRID_K * HYBRID_K], L[HYBRID_K * HYBRID_K], b[HYBRID_K], trace = 0;
    for (int i = 0; i < HYBRID_K; i++)
        trace += gram[i][i];
    for (int i = 0; i < HYBRID_K; i++) {
        b[i] = gram[i][i] > 0 ? along[i] : 0;
        for (int j = 0; j < HYBRID_K; j++)
            A[i * HYBRID_K + j] = gram[i][j];
        A[i * HYBRID_K + i] = gram[i][i] > 0 ? gram[i][i] + ridge * trace / HYBRID_K : 1;
    }
    if (dense_cholesky(L, A, HYBRID_K))
        dense_solve(L, a, b, HYBRID_K);
    else
        memset(a, 0, HYBRID_K * sizeof *a);
}

void outcome_best(const struct outcome *o, hybrid_coef a, int groups, double ridge)
{
    for (int g = 0; g < groups; g++)
        solve(a[g], o->gram[g], o->along[g], ridge);
}

void prior_forecast(const struct prior *p, hybrid_coef a, int groups, double ridge)
{
    outcome_best(&p->sum, a, groups, ridge);
}

double outcome_norm(const struct outcome *o, int g, const double a[HYBRID_K])
{
    double s = 0;
    for (int i = 0; i < HYBRID_K; i++)
        for (int j = 0; j < HYBRID_K; j++)
            s += a[i] * a[j] * o->gram[g][i][j];
    return s > 0 ? s : 0;
}

double outcome_norm_all(const struct outcome *o, hybrid_coef a, int groups)
{
    double s = 0;
    for (int g = 0; g < groups; g++)
        s += outcome_norm(o, g, a[g]);
    return s;
}

double outcome_miss(const struct outcome *o, int g, const double a[HYBRID_K])
{
    double s = o->square[g] + outcome_norm(o, g, a);
    for (int i = 0; i < HYBRID_K; i++)
        s -= 2 * a[i] * o->along[g][i];
    return s;
}
