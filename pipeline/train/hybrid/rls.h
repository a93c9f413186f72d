/*
 * rls.h - recursive least squares with forgetting: many outputs, linear in the same features and an intercept
 *
 * With f the features after a leading 1, after each sample W minimises
 *   sum_i lambda^(n-i) |r_i - W' f_i|^2 + lambda^n delta |W|^2
 *   gain = P f / (lambda + f' P f)     W += gain (r - W' f)'     P = (P - gain f' P) / lambda
 * Source: Haykin, Adaptive Filter Theory, 4th ed., table 9.1. Where features do not vary, forgetting would
 * let P grow without limit; once its trace exceeds its first value, P is no longer divided by lambda, so that
 * forgetting waits for news.
 */
#ifndef HYBRID_RLS_H
#define HYBRID_RLS_H

#include <stddef.h>
#include <stdint.h>

#include "pipeline/train/hybrid/arrays.h"

enum { RLS_ARRAYS = 3 };

struct rls_config {
    int n_features; /* 32; without the intercept */
    int n_out;
    float forgetting; /* lambda, 0.98 */
    float ridge;      /* delta, 1 (guess): P starts as I / delta. Features are expected to be of order 1 */
};
void rls_config_default(struct rls_config *c, int n_features, int n_out);

struct rls;

struct rls *rls_new(const struct rls_config *c); /* NULL: no memory, or a size out of range */
void rls_free(struct rls *r);                    /* NULL is fine */
/* features: (n_features); out: (n_out), NaN where not known: that output's weights stay. -1, and nothing
 * changed: an infinity, or NaN in features. */
int rls_add(struct rls *r, const float *features, const float *out);
void rls_predict(const struct rls *r, const float *features, float *out); /* 0 before the first sample */

/* At most RLS_ARRAYS, "rls. ..."; see arrays.h. */
size_t rls_arrays(struct rls *r, struct state_array *out, size_t cap);
int rls_check(struct rls *r, char *err, size_t cap); /* 0, or -1 with err */

#endif
