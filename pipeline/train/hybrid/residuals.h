/*
 * residuals.h - what a forecast is likely to get wrong: the residual store and the linear model together
 *
 *   r^ = 0.7 store (8 nearest) + 0.3 linear (recursive least squares)
 * Exactly 0 until there are `min_entries`: fewer would be noise applied to weights.
 */
#ifndef HYBRID_RESIDUALS_H
#define HYBRID_RESIDUALS_H

#include "pipeline/train/hybrid/rls.h"
#include "pipeline/train/hybrid/store.h"

enum { RESIDUALS_ARRAYS = STORE_ARRAYS + RLS_ARRAYS };

struct residuals_config {
    struct store_config store;
    struct rls_config linear;
    float store_share; /* 0.7; the rest is the linear model's */
    int min_entries;   /* 8 (guess) */
};
void residuals_config_default(struct residuals_config *c, int n_key, int n_residual);

struct residuals;

struct residuals *
residuals_new(const struct residuals_config *c); /* NULL: no memory, or a size out of range */
void residuals_free(struct residuals *r);        /* NULL is fine */
size_t residuals_count(const struct residuals *r);
/* key: (n_key); residual: (n_residual), NaN where not known. -1, and nothing changed: not finite. */
int residuals_add(struct residuals *r, const float *key, const float *residual);
void residuals_predict(const struct residuals *r, const float *key, float *out); /* out: (n_residual) */
size_t residuals_arrays(struct residuals *r, struct state_array *out, size_t cap);
int residuals_check(struct residuals *r, char *err, size_t cap); /* 0, or -1 with err */

#endif
