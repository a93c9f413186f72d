#include "pipeline/train/hybrid/residuals.h"

#include <stdlib.h>
#include <string.h>

struct residuals {
    struct residuals_config c;
    struct store *store; /* owned, as the others */
    struct rls *linear;
    float *scratch; /* (n_residual) */
};

void residuals_config_default(struct residuals_config *c, int n_key, int n_residual)
{
    *c = (struct residuals_config){.store_share = 0.7f, .min_entries = 8};
    store_config_default(&c->store, n_key, n_residual);
    rls_config_default(&c->linear, n_key, n_residual);
}

struct residuals *residuals_new(const struct residuals_config *c)
{
    if (c->store.n_key != c->linear.n_features || c->store.n_residual != c->linear.n_out)
        return NULL;
    struct residuals *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->c = *c;
    r->store = store_new(&c->store);
    r->linear = rls_new(&c->linear);
    r->scratch = r->store ? calloc((size_t)c->store.n_residual, sizeof(float)) : NULL;
    if (r->store && r->linear && r->scratch)
        return r;
    residuals_free(r);
    return NULL;
}

void residuals_free(struct residuals *r)
{
    if (!r)
        return;
    store_free(r->store);
    rls_free(r->linear);
    free(r->scratch);
    free(r);
}

size_t residuals_count(const struct residuals *r)
{
    return store_count(r->store);
}

int residuals_add(struct residuals *r, const float *key, const float *residual)
{
    /* both refuse the same, so the second cannot after the first has taken it */
    return store_add(r->store, key, residual) ? -1 : rls_add(r->linear, key, residual);
}

void residuals_predict(const struct residuals *r, const float *key, float *out)
{
    size_t n = (size_t)r->c.store.n_residual;
    if (store_count(r->store) < (size_t)r->c.min_entries) {
        memset(out, 0, n * sizeof *out);
        return;
    }
    store_lookup(r->store, key, out);
    rls_predict(r->linear, key, r->scratch);
    for (size_t i = 0; i < n; i++)
        out[i] = r->c.store_share * out[i] + (1 - r->c.store_share) * r->scratch[i];
}

size_t residuals_arrays(struct residuals *r, struct state_array *out, size_t cap)
{
    size_t n = store_arrays(r->store, out, cap), used = n < cap ? n : cap;
    return n + rls_arrays(r->linear, out + used, cap - used);
}

int residuals_check(struct residuals *r, char *err, size_t cap)
{
    return store_check(r->store, err, cap) ? -1 : rls_check(r->linear, err, cap);
}
