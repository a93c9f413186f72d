#include "pipeline/train/hybrid/store.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct store {
    struct store_config c;
    uint64_t count;          /* entries ever added; entry i lies at i % capacity */
    float *key;              /* (capacity, n_key), owned */
    float *residual, *known; /* (capacity, n_residual), owned; known is 0 or 1 */
};

struct neighbour {
    uint64_t entry;
    double distance; /* squared */
};

void store_config_default(struct store_config *c, int n_key, int n_residual)
{
    *c = (struct store_config){512, n_key, n_residual, 8, 0.98f};
}

struct store *store_new(const struct store_config *c)
{
    if (c->capacity < 1 || c->capacity > 1 << 20 || c->n_key < 1 || c->n_key > 4096 || c->n_residual < 1 ||
        c->n_residual > 1 << 20 || c->neighbours < 1 || c->neighbours > STORE_MAX_NEIGHBOURS)
        return NULL;
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    size_t n = (size_t)c->capacity;
    s->c = *c;
    s->key = calloc(n * (size_t)c->n_key, sizeof(float));
    s->residual = calloc(n * (size_t)c->n_residual, sizeof(float));
    s->known = calloc(n * (size_t)c->n_residual, sizeof(float));
    if (s->key && s->residual && s->known)
        return s;
    store_free(s);
    return NULL;
}

void store_free(struct store *s)
{
    if (!s)
        return;
    free(s->key);
    free(s->residual);
    free(s->known);
    free(s);
}

size_t store_count(const struct store *s)
{
    return s->count < (uint64_t)s->c.capacity ? (size_t)s->count : (size_t)s->c.capacity;
}

int store_add(struct store *s, const float *key, const float *residual)
{
    size_t K = (size_t)s->c.n_key, R = (size_t)s->c.n_residual,
           at = (size_t)(s->count % (uint64_t)s->c.capacity);
    for (size_t i = 0; i < K; i++)
        if (!isfinite(key[i]))
            return -1;
    for (size_t i = 0; i < R; i++)
        if (isinf(residual[i]))
            return -1;
    memcpy(s->key + at * K, key, K * sizeof *key);
    for (size_t i = 0; i < R; i++) {
        bool known = !isnan(residual[i]);
        s->known[at * R + i] = (float)known;
        s->residual[at * R + i] = known ? residual[i] : 0;
    }
    s->count++;
    return 0;
}

/* Keeps v, the n nearest so far, sorted; a newer entry comes before an older one at the same distance. */
static size_t insert(struct neighbour *v, size_t n, size_t limit, struct neighbour x)
{
    size_t i = n;
    while (i > 0 && v[i - 1].distance > x.distance)
        i--;
    if (i == limit)
        return n;
    n += n < limit;
    memmove(v + i + 1, v + i, (n - 1 - i) * sizeof *v);
    v[i] = x;
    return n;
}

static size_t nearest(const struct store *s, const float *key, struct neighbour *v)
{
    size_t n = 0, held = store_count(s), K = (size_t)s->c.n_key;
    for (size_t a = 1; a <= held; a++) {
        uint64_t entry = s->count - a;
        const float *k = s->key + (size_t)(entry % (uint64_t)s->c.capacity) * K;
        double d = 0;
        for (size_t i = 0; i < K; i++)
            d += ((double)key[i] - (double)k[i]) * ((double)key[i] - (double)k[i]);
        n = insert(v, n, (size_t)s->c.neighbours, (struct neighbour){entry, d});
    }
    return n;
}

void store_lookup(const struct store *s, const float *key, float *out)
{
    struct neighbour v[STORE_MAX_NEIGHBOURS];
    double weight[STORE_MAX_NEIGHBOURS], spread = 0;
    size_t n = nearest(s, key, v), R = (size_t)s->c.n_residual;
    for (size_t j = 0; j < n; j++)
        spread += v[j].distance / (double)n;
    for (size_t j = 0; j < n; j++) {
        double age = (double)(s->count - 1 - v[j].entry);
        weight[j] = pow((double)s->c.decay, age) * (spread > 0 ? exp(-v[j].distance / (2 * spread)) : 1);
    }
    for (size_t i = 0; i < R; i++) {
        double sum = 0, total = 0;
        for (size_t j = 0; j < n; j++) {
            size_t at = (size_t)(v[j].entry % (uint64_t)s->c.capacity) * R + i;
            sum += weight[j] * (double)(s->known[at] * s->residual[at]);
            total += weight[j] * (double)s->known[at];
        }
        out[i] = total > 0 ? (float)(sum / total) : 0;
    }
}

size_t store_arrays(struct store *s, struct state_array *out, size_t cap)
{
    size_t n = (size_t)s->c.capacity, K = (size_t)s->c.n_key, R = (size_t)s->c.n_residual;
    const struct state_array v[STORE_ARRAYS] = {{"store.key", ARRAY_F32, s->key, n * K},
                                                {"store.residual", ARRAY_F32, s->residual, n * R},
                                                {"store.known", ARRAY_F32, s->known, n * R},
                                                {"store.count", ARRAY_U64, &s->count, 1}};
    memcpy(out, v, (cap < STORE_ARRAYS ? cap : STORE_ARRAYS) * sizeof *v);
    return STORE_ARRAYS;
}

int store_check(struct store *s, char *err, size_t cap)
{
    struct state_array v[STORE_ARRAYS];
    store_arrays(s, v, STORE_ARRAYS);
    if (s->count > (uint64_t)1 << 48) {
        snprintf(err, cap, "store.count is out of range: %llu", (unsigned long long)s->count);
        return -1;
    }
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < v[i].n; j++) {
            float x = ((const float *)v[i].data)[j];
            bool flag = v[i].data == s->known, held = j / (v[i].n / (size_t)s->c.capacity) < store_count(s);
            const char *why = !isfinite(x)               ? "is not finite"
                              : flag && x != 0 && x != 1 ? "is neither 0 nor 1"
                              : !held && x != 0          ? "lies beyond store.count"
                                                         : NULL;
            if (why) {
                snprintf(err, cap, "%s[%zu] %s", v[i].name, j, why);
                return -1;
            }
        }
    return 0;
}
