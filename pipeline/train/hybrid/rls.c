#include "pipeline/train/hybrid/rls.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FEATURES = 1024 };

struct rls {
    struct rls_config c;
    size_t n;       /* features and intercept */
    float *p;       /* (n, n) symmetric, owned */
    float *w;       /* (n_out, n), owned */
    double *f, *pf; /* (n) scratch, owned */
    uint64_t count;
};

void rls_config_default(struct rls_config *c, int n_features, int n_out)
{
    *c = (struct rls_config){n_features, n_out, 0.98f, 1};
}

struct rls *rls_new(const struct rls_config *c)
{
    if (c->n_features < 1 || c->n_features > MAX_FEATURES || c->n_out < 1 || c->n_out > 1 << 20 ||
        !(c->ridge > 0) || !(c->forgetting > 0 && c->forgetting <= 1))
        return NULL;
    struct rls *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->c = *c;
    r->n = (size_t)c->n_features + 1;
    r->p = calloc(r->n * r->n, sizeof *r->p);
    r->w = calloc(r->n * (size_t)c->n_out, sizeof *r->w);
    r->f = calloc(2 * r->n, sizeof *r->f);
    if (!r->p || !r->w || !r->f) {
        rls_free(r);
        return NULL;
    }
    r->pf = r->f + r->n;
    for (size_t i = 0; i < r->n; i++)
        r->p[i * r->n + i] = 1 / c->ridge;
    return r;
}

void rls_free(struct rls *r)
{
    if (!r)
        return;
    free(r->p);
    free(r->w);
    free(r->f);
    free(r);
}

/* P after a sample whose P f is pf and f' P f is q. Symmetric to the bit, since only one half is computed. */
static void update_covariance(struct rls *r, double q)
{
    double lambda = (double)r->c.forgetting, trace = 0, pf2 = 0;
    for (size_t i = 0; i < r->n; i++) {
        trace += (double)r->p[i * r->n + i];
        pf2 += r->pf[i] * r->pf[i];
    }
    double grown = (trace - pf2 / (lambda + q)) / lambda;
    double divisor = grown > (double)r->n / (double)r->c.ridge ? 1 : lambda;
    for (size_t i = 0; i < r->n; i++)
        for (size_t j = 0; j <= i; j++) {
            double x = ((double)r->p[i * r->n + j] - r->pf[i] * r->pf[j] / (lambda + q)) / divisor;
            r->p[i * r->n + j] = r->p[j * r->n + i] = (float)x;
        }
}

int rls_add(struct rls *r, const float *features, const float *out)
{
    size_t n = r->n;
    for (size_t i = 0; i + 1 < n; i++)
        if (!isfinite(features[i]))
            return -1;
    for (size_t o = 0; o < (size_t)r->c.n_out; o++)
        if (isinf(out[o]))
            return -1;
    double q = 0;
    r->f[0] = 1;
    for (size_t i = 1; i < n; i++)
        r->f[i] = (double)features[i - 1];
    for (size_t i = 0; i < n; i++) {
        r->pf[i] = 0;
        for (size_t j = 0; j < n; j++)
            r->pf[i] += (double)r->p[i * n + j] * r->f[j];
        q += r->f[i] * r->pf[i];
    }
    for (size_t o = 0; o < (size_t)r->c.n_out; o++) {
        if (isnan(out[o]))
            continue;
        float *w = r->w + o * n;
        double error = (double)out[o];
        for (size_t i = 0; i < n; i++)
            error -= (double)w[i] * r->f[i];
        for (size_t i = 0; i < n; i++)
            w[i] += (float)(r->pf[i] / ((double)r->c.forgetting + q) * error);
    }
    update_covariance(r, q);
    r->count++;
    return 0;
}

void rls_predict(const struct rls *r, const float *features, float *out)
{
    for (size_t o = 0; o < (size_t)r->c.n_out; o++) {
        const float *w = r->w + o * r->n;
        double sum = (double)w[0];
        for (size_t i = 1; i < r->n; i++)
            sum += (double)w[i] * (double)features[i - 1];
        out[o] = (float)sum;
    }
}

size_t rls_arrays(struct rls *r, struct state_array *out, size_t cap)
{
    const struct state_array v[RLS_ARRAYS] = {{"rls.p", ARRAY_F32, r->p, r->n * r->n},
                                              {"rls.w", ARRAY_F32, r->w, r->n * (size_t)r->c.n_out},
                                              {"rls.count", ARRAY_U64, &r->count, 1}};
    memcpy(out, v, (cap < RLS_ARRAYS ? cap : RLS_ARRAYS) * sizeof *v);
    return RLS_ARRAYS;
}

int rls_check(struct rls *r, char *err, size_t cap)
{
    struct state_array v[RLS_ARRAYS];
    rls_arrays(r, v, RLS_ARRAYS);
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < v[i].n; j++)
            if (!isfinite(((const float *)v[i].data)[j])) {
                snprintf(err, cap, "%s[%zu] is not finite", v[i].name, j);
                return -1;
            }
    for (size_t i = 0; i < r->n; i++)
        for (size_t j = 0; j <= i; j++) {
            float a = r->p[i * r->n + j], b = r->p[j * r->n + i];
            if (a != b || (i == j && !(a > 0))) {
                snprintf(err, cap, "rls.p[%zu] %s", i * r->n + j,
                         i == j ? "is not positive" : "is not symmetric");
                return -1;
            }
        }
    if (r->count > (uint64_t)1 << 48) {
        snprintf(err, cap, "rls.count is out of range: %llu", (unsigned long long)r->count);
        return -1;
    }
    return 0;
}
