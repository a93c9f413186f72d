/*
 * residuals_test - residual store and least squares against plain recomputation; damage is refused; a loaded
 * one goes on
 */
#include "pipeline/train/hybrid/residuals.h"
#include "pipeline/train/hybrid/rssm/rng.h"
#include "tests/check.h"

#include <math.h>
#include <string.h>

enum { KEY = 6, OUT = 5, ENTRIES = 40, CAPACITY = 25 };

struct sample {
    float key[KEY], out[OUT];
};

static void fill(struct sample *v, size_t n, uint64_t seed)
{
    struct rng r = {seed, 0};
    for (size_t i = 0; i < n; i++) {
        for (int j = 0; j < KEY; j++)
            v[i].key[j] = 1 + rng_normal(&r);
        for (int j = 0; j < OUT; j++)
            v[i].out[j] = (float)j * v[i].key[j] - v[i].key[0] + 0.1f * rng_normal(&r);
        if (i % 3 == 0)
            v[i].out[4] = NAN;
    }
}

static double distance(const float *a, const float *b)
{
    double d = 0;
    for (int i = 0; i < KEY; i++)
        d += pow((double)a[i] - (double)b[i], 2);
    return d;
}

/* The definition in store.h: an entry is a neighbour when fewer than 8 are nearer. */
static double by_definition(const struct sample *v, int n, const float *key, int out)
{
    int first = n > CAPACITY ? n - CAPACITY : 0, found = 0, near[ENTRIES];
    double spread = 0, sum = 0, total = 0;
    for (int i = first; i < n; i++) {
        int nearer = 0;
        for (int j = first; j < n; j++)
            nearer += distance(key, v[j].key) < distance(key, v[i].key);
        if (nearer < 8)
            near[found++] = i;
    }
    for (int j = 0; j < found; j++)
        spread += distance(key, v[near[j]].key) / found;
    for (int j = 0; j < found; j++) {
        double w = exp(-distance(key, v[near[j]].key) / (2 * spread)) * pow(0.98, n - 1 - near[j]);
        if (isnan(v[near[j]].out[out]))
            continue;
        sum += w * (double)v[near[j]].out[out];
        total += w;
    }
    return total > 0 ? sum / total : 0;
}

static void store_finds_what_its_definition_says(void)
{
    struct sample v[ENTRIES], probe[10];
    struct store_config c;
    float out[OUT];
    fill(v, ENTRIES, 1);
    fill(probe, 10, 2);
    store_config_default(&c, KEY, OUT);
    CHECK(c.neighbours == 8 && c.decay == 0.98f);
    c.capacity = CAPACITY;
    struct store *s = store_new(&c);
    store_lookup(s, probe[0].key, out);
    for (int j = 0; j < OUT; j++)
        CHECK(out[j] == 0, "an empty store says %g", (double)out[j]);
    for (int n = 1; n <= ENTRIES; n++) {
        CHECK(store_add(s, v[n - 1].key, v[n - 1].out) == 0);
        CHECK(store_count(s) == (size_t)(n < CAPACITY ? n : CAPACITY));
        for (int i = 0; i < 10; i++) {
            store_lookup(s, probe[i].key, out);
            for (int j = 0; j < OUT; j++) {
                double expected = by_definition(v, n, probe[i].key, j);
                CHECK(fabs((double)out[j] - expected) < 1e-4 * (1 + fabs(expected)),
                      "%d entries, output %d: %g, not %g", n, j, (double)out[j], expected);
            }
        }
    }
    float bad[KEY] = {NAN}, worse[OUT] = {INFINITY};
    CHECK(store_add(s, bad, v[0].out) == -1 && store_add(s, v[0].key, worse) == -1);
    store_lookup(s, v[ENTRIES - 1].key, out);
    CHECK(isfinite(out[0]));
    store_free(s);
}

/* Solves a x = b in place, Gauss with pivots; b becomes x. */
static void solve(double a[KEY + 1][KEY + 1], double *b)
{
    enum { N = KEY + 1 };
    for (int k = 0; k < N; k++) {
        int p = k;
        for (int i = k + 1; i < N; i++)
            p = fabs(a[i][k]) > fabs(a[p][k]) ? i : p;
        for (int j = 0; j < N; j++) {
            double t = a[k][j];
            a[k][j] = a[p][j];
            a[p][j] = t;
        }
        double t = b[k];
        b[k] = b[p];
        b[p] = t;
        for (int i = 0; i < N; i++) {
            double f = i == k ? 0 : a[i][k] / a[k][k];
            for (int j = k; j < N && f != 0; j++)
                a[i][j] -= f * a[k][j];
            b[i] -= f * b[k];
        }
    }
    for (int k = 0; k < N; k++)
        b[k] /= a[k][k];
}

/* Output j's prediction by the normal equations of rls.h. */
static double by_normal_equations(const struct sample *v, int n, const float *key, int out)
{
    double a[KEY + 1][KEY + 1] = {0}, b[KEY + 1] = {0}, sum = 0;
    for (int i = 0; i < n; i++) {
        double f[KEY + 1] = {1}, w = pow(0.98, n - 1 - i);
        for (int j = 0; j < KEY; j++)
            f[j + 1] = (double)v[i].key[j];
        for (int j = 0; j <= KEY; j++) {
            for (int k = 0; k <= KEY; k++)
                a[j][k] += w * f[j] * f[k];
            b[j] += w * f[j] * (double)v[i].out[out];
        }
    }
    for (int j = 0; j <= KEY; j++)
        a[j][j] += pow(0.98, n);
    solve(a, b);
    for (int j = 0; j <= KEY; j++)
        sum += b[j] * (j ? (double)key[j - 1] : 1);
    return sum;
}

static void recursion_equals_normal_equations(void)
{
    struct sample v[200], probe[5];
    struct rls_config c;
    float out[OUT];
    fill(v, 200, 3);
    fill(probe, 5, 4);
    rls_config_default(&c, KEY, OUT);
    struct rls *r = rls_new(&c);
    for (int n = 1; n <= 200; n++) {
        CHECK(rls_add(r, v[n - 1].key, v[n - 1].out) == 0);
        for (int i = 0; i < 5; i++) {
            rls_predict(r, probe[i].key, out);
            for (int j = 0; j < 4; j++) {
                double expected = by_normal_equations(v, n, probe[i].key, j);
                CHECK(fabs((double)out[j] - expected) < 1e-3 * (1 + fabs(expected)), "%d samples: %g, not %g",
                      n, (double)out[j], expected);
            }
        }
    }
    rls_free(r);
}

/* When one sample repeats for ever, as when training stands still, nothing may blow up, and news must still
 * be learned afterwards. */
static void forgetting_waits_for_news(void)
{
    struct rls_config c;
    rls_config_default(&c, KEY, OUT);
    struct rls *r = rls_new(&c);
    struct state_array v[RLS_ARRAYS];
    struct sample still, fresh[60];
    float out[OUT];
    char err[256];
    fill(&still, 1, 5);
    still.out[4] = 1;
    for (int i = 0; i < 5000; i++)
        rls_add(r, still.key, still.out);
    rls_predict(r, still.key, out);
    for (int j = 0; j < OUT; j++)
        CHECK(fabsf(out[j] - still.out[j]) < 1e-3f * (1 + fabsf(still.out[j])));
    CHECK(rls_arrays(r, v, RLS_ARRAYS) == RLS_ARRAYS && rls_check(r, err, sizeof err) == 0, "%s", err);
    double trace = 0;
    for (int i = 0; i <= KEY; i++)
        trace += (double)((float *)v[0].data)[i * (KEY + 2)];
    CHECK(trace <= KEY + 1 + 1e-3, "trace %g", trace);
    fill(fresh, 60, 6);
    for (int i = 0; i < 59; i++)
        rls_add(r, fresh[i].key, fresh[i].out);
    rls_predict(r, fresh[59].key, out);
    for (int j = 0; j < 4; j++)
        CHECK(fabsf(out[j] - fresh[59].out[j]) < 0.6f, "output %d: %g, not %g", j, (double)out[j],
              (double)fresh[59].out[j]);
    rls_free(r);
}

static struct residuals *made(int min_entries)
{
    struct residuals_config c;
    residuals_config_default(&c, KEY, OUT);
    c.store.capacity = CAPACITY;
    c.min_entries = min_entries;
    struct residuals *r = residuals_new(&c);
    CHECK(r != NULL);
    return r;
}

static void seventy_to_thirty(void)
{
    struct residuals *r = made(8);
    struct sample v[ENTRIES];
    float out[OUT], bad[KEY] = {INFINITY};
    fill(v, ENTRIES, 7);
    for (int i = 0; i < 7; i++) {
        CHECK(residuals_add(r, v[i].key, v[i].out) == 0);
        residuals_predict(r, v[i].key, out);
        CHECK(out[0] == 0 && out[1] == 0, "%d entries are too few to act on", i + 1);
    }
    for (int i = 7; i < ENTRIES; i++)
        CHECK(residuals_add(r, v[i].key, v[i].out) == 0);
    CHECK(residuals_add(r, bad, v[0].out) == -1 && residuals_count(r) == CAPACITY);
    residuals_predict(r, v[3].key, out);
    for (int j = 0; j < 4; j++) {
        double expected =
            0.7 * by_definition(v, ENTRIES, v[3].key, j) + 0.3 * by_normal_equations(v, ENTRIES, v[3].key, j);
        CHECK(fabs((double)out[j] - expected) < 1e-3 * (1 + fabs(expected)), "%g, not %g", (double)out[j],
              expected);
    }
    residuals_free(r);
}

static size_t bytes(const struct state_array *a)
{
    return a->n * (a->type == ARRAY_U64 ? 8 : 4);
}

static void loaded_goes_on_and_damage_is_refused(void)
{
    struct residuals *r = made(1), *s = made(1);
    struct state_array v[RESIDUALS_ARRAYS], w[RESIDUALS_ARRAYS];
    struct sample x[ENTRIES];
    char err[256];
    fill(x, ENTRIES, 8);
    for (int i = 0; i < 10; i++)
        residuals_add(r, x[i].key, x[i].out);
    CHECK(residuals_arrays(r, v, RESIDUALS_ARRAYS) == RESIDUALS_ARRAYS);
    residuals_arrays(s, w, RESIDUALS_ARRAYS);
    for (int i = 0; i < RESIDUALS_ARRAYS; i++) {
        CHECK(v[i].n == w[i].n && !strcmp(v[i].name, w[i].name));
        memcpy(w[i].data, v[i].data, bytes(&v[i]));
    }
    CHECK(residuals_check(s, err, sizeof err) == 0, "%s", err);
    for (int i = 10; i < ENTRIES; i++) {
        float a[OUT], b[OUT];
        residuals_add(r, x[i].key, x[i].out);
        residuals_add(s, x[i].key, x[i].out);
        residuals_predict(r, x[0].key, a);
        residuals_predict(s, x[0].key, b);
        CHECK(memcmp(a, b, sizeof a) == 0, "entry %d", i);
        if (i == 14) /* half full: entries beyond the count must be empty */
            CHECK((((float *)w[0].data)[20 * KEY] = 1) && residuals_check(s, err, sizeof err) == -1 &&
                      strstr(err, "beyond"),
                  "%s", err);
        ((float *)w[0].data)[20 * KEY] = ((float *)v[0].data)[20 * KEY];
    }
    for (int i = 0; i < RESIDUALS_ARRAYS; i++) {
        memcpy(w[i].data, v[i].data, bytes(&v[i]));
        if (v[i].type == ARRAY_U64)
            memset(w[i].data, 0xff, bytes(&v[i]));
        else
            ((float *)w[i].data)[1] = NAN;
        CHECK(residuals_check(s, err, sizeof err) == -1 && strstr(err, v[i].name), "%s: %s", v[i].name, err);
        memcpy(w[i].data, v[i].data, bytes(&v[i]));
        CHECK(residuals_check(s, err, sizeof err) == 0, "%s", err);
    }
    float *known = w[2].data, *p = w[4].data;
    known[0] = 0.5f;
    CHECK(residuals_check(s, err, sizeof err) == -1 && strstr(err, "neither 0 nor 1"), "%s", err);
    known[0] = 1;
    p[1] += 1;
    CHECK(residuals_check(s, err, sizeof err) == -1 && strstr(err, "symmetric"), "%s", err);
    p[1] = p[KEY + 1];
    p[0] = -1;
    CHECK(residuals_check(s, err, sizeof err) == -1 && strstr(err, "positive"), "%s", err);
    residuals_free(r);
    residuals_free(s);
}

int main(void)
{
    test_begin(280);
    store_finds_what_its_definition_says();
    recursion_equals_normal_equations();
    forgetting_waits_for_news();
    seventy_to_thirty();
    loaded_goes_on_and_damage_is_refused();
    return 0;
}
