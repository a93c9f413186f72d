/*
 * sampler_test - each filter on distributions worked out by hand, their order, and the draws' frequencies
 */
#include "pipeline/model/sampler.h"
#include "tests/check.h"

#include <math.h>
#include <string.h>

static const struct sampling plain = {.temperature = 1, .top_p = 1, .repetition_penalty = 1};

/* Probabilities of all V tokens after the filters. */
static void distribution(const struct sampling *o, const float *logits, int V, const int32_t *history,
                         size_t n_history, double *p)
{
    struct sampler *s = sampler_new(V, o, 1);
    size_t n;
    const struct candidate *c = sampler_distribution(s, logits, history, n_history, &n);
    double sum = 0;
    memset(p, 0, (size_t)V * sizeof *p);
    CHECK(n >= 1 && n <= (size_t)V);
    for (size_t i = 0; i < n; i++) {
        CHECK(c[i].id >= 0 && c[i].id < V && p[c[i].id] == 0);
        p[c[i].id] = c[i].p;
        sum += c[i].p;
    }
    CHECK(fabs(sum - 1) < 1e-12, "probabilities sum to %g", sum);
    sampler_free(s);
}

static void expect(const char *what, const struct sampling *o, const float *logits, const int32_t *history,
                   size_t n_history, const double expected[4])
{
    double p[4];
    distribution(o, logits, 4, history, n_history, p);
    for (int i = 0; i < 4; i++)
        CHECK(fabs(p[i] - expected[i]) < 1e-6, "%s: p[%d] = %g, expected %g", what, i, p[i], expected[i]);
}

#define EXPECT(what, o, logits, ...) expect(what, &(o), logits, NULL, 0, (const double[4]){__VA_ARGS__})

static void filters(void)
{
    /* probabilities 0.2, 0.4, 0.1, 0.3 */
    const float x[4] = {logf(0.2f), logf(0.4f), logf(0.1f), logf(0.3f)}, y[4] = {1, 2, 0, -1};
    struct sampling o = plain;
    EXPECT("plain", o, x, 0.2, 0.4, 0.1, 0.3);
    o.temperature = 0;
    EXPECT("greedy", o, x, 0, 1, 0, 0);
    o.temperature = 1e-50;
    EXPECT("all but greedy", o, y, 0, 1, 0, 0);
    o.temperature = 0.5; /* squares: 4, 16, 1, 9 of 30 */
    EXPECT("temperature", o, x, 4 / 30., 16 / 30., 1 / 30., 9 / 30.);
    o = plain;
    o.top_k = 2;
    EXPECT("top-k", o, x, 0, 4 / 7., 0, 3 / 7.);
    o.top_k = 9;
    EXPECT("top-k beyond V", o, x, 0.2, 0.4, 0.1, 0.3);
    o = plain;
    o.top_p = 0.65;
    EXPECT("top-p", o, x, 0, 4 / 7., 0, 3 / 7.);
    o.top_p = 0.75;
    EXPECT("top-p takes the one that reaches it", o, x, 2 / 9., 4 / 9., 0, 3 / 9.);
    o.top_p = 0;
    EXPECT("top-p 0 keeps one", o, x, 0, 1, 0, 0);
    o = plain;
    o.min_p = 0.6; /* at least 0.24 */
    EXPECT("min-p", o, x, 0, 4 / 7., 0, 3 / 7.);
    o.min_p = 1;
    EXPECT("min-p 1", o, x, 0, 1, 0, 0);
}

static void order(void)
{
    const float x[4] = {logf(0.2f), logf(0.4f), logf(0.1f), logf(0.3f)};
    struct sampling o = plain;
    o.top_k = 2;
    o.top_p =
        0.5; /* after top-k the p are 4/7 and 3/7, so the first reaches 0.5; the original 0.4 would not */
    EXPECT("top-p after top-k", o, x, 0, 1, 0, 0);
    o = plain;
    o.temperature = 0.5;
    o.top_p = 0.5; /* 16/30 reaches it; before the temperature 0.4 would not */
    EXPECT("top-p after temperature", o, x, 0, 1, 0, 0);
    o = plain;
    o.top_p = 0.75;
    o.min_p = 0.6;
    EXPECT("min-p after top-p", o, x, 0, 4 / 7., 0, 3 / 7.);

    const float y[4] = {2, -1, 1, 0};
    const int32_t history[] = {0, 1, 0, 3}; /* token 0 twice: one penalty */
    o = plain;
    o.repetition_penalty = 2; /* logits 1, -2, 1, 0 */
    double z = 2 * M_E + exp(-2) + 1;
    expect("penalty", &o, y, history, 4, (const double[4]){M_E / z, exp(-2) / z, M_E / z, 1 / z});
    o.temperature = 0;
    EXPECT("greedy without history", o, y, 1, 0, 0, 0);
    const int32_t second[] = {0, 0}; /* 2/4 falls behind token 2 */
    o.repetition_penalty = 4;
    expect("greedy with history", &o, y, second, 2, (const double[4]){0, 0, 1, 0});
    const float ties[4] = {1, 3, 3, 3};
    o = plain;
    o.top_k = 2;
    EXPECT("equals: lower ids", o, ties, 0, 0.5, 0.5, 0);
    o.temperature = 0;
    EXPECT("equals, greedy", o, ties, 0, 1, 0, 0);
}

static void extremes(void)
{
    struct sampling o = plain;
    const float wide[4] = {1e30f, -1e30f, -HUGE_VALF, 3}, broken[4] = {NAN, 1, NAN, 1};
    EXPECT("huge logits", o, wide, 1, 0, 0, 0);
    EXPECT("NaN", o, broken, 0, 0.5, 0, 0.5);
    const float lost[4] = {NAN, NAN, -HUGE_VALF, -HUGE_VALF};
    EXPECT("nothing finite", o, lost, 0.25, 0.25, 0.25, 0.25);
    o.temperature = 1e-30;
    const float x[4] = {1, 2, 3, 4};
    EXPECT("tiny temperature", o, x, 0, 0, 0, 1);
}

/* Sorted prefixes of a large random distribution, against a plain sort. */
static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

static void large(void)
{
    enum { V = 5000, K = 300 };
    static float x[V], sorted[V];
    static double p[V];
    uint32_t r = 1;
    for (int i = 0; i < V; i++) {
        r = r * 1664525 + 1013904223;
        x[i] = (float)(r >> 8) * 0x1p-22f;
    }
    memcpy(sorted, x, sizeof x);
    qsort(sorted, V, sizeof *sorted, compare);
    struct sampling o = plain;
    o.top_k = K;
    distribution(&o, x, V, NULL, 0, p);
    for (int i = 0; i < V; i++)
        CHECK((p[i] > 0) == (x[i] >= sorted[K - 1]), "token %d", i);
    o.top_k = 0;
    o.top_p = 0.9;
    distribution(&o, x, V, NULL, 0, p);
    double all = 0, kept = 0, least = 1, greatest_left = 0;
    for (int i = 0; i < V; i++)
        all += exp(x[i]);
    for (int i = 0; i < V; i++) {
        double q = exp(x[i]) / all;
        kept += p[i] > 0 ? q : 0;
        if (p[i] > 0)
            least = fmin(least, q);
        else
            greatest_left = fmax(greatest_left, q);
    }
    CHECK(kept >= 0.9 - 1e-9 && kept - least < 0.9 && least >= greatest_left, "top-p kept %g", kept);
}

/* Drawing without filters looks only into a part of the vocabulary: the same tokens as from the whole
 * distribution. */
static void draws_of_many(void)
{
    enum { V = 5003, N = 3000 };
    static float x[V];
    int count[V] = {0}, most = 0;
    struct sampling all = plain;
    all.min_p = 1e-30;
    struct sampler *a = sampler_new(V, &plain, 3), *b = sampler_new(V, &all, 3);
    for (int i = 0; i < V; i++)
        x[i] = i % 1000 == 7 ? 8.0f : i >= 4096 ? -HUGE_VALF : (float)(i % 13) - 9;
    for (int i = 0; i < N; i++) {
        int32_t id = sampler_next(a, x, NULL, 0);
        CHECK(id == sampler_next(b, x, NULL, 0) && id < 4096, "draw %d", i);
        count[id]++;
    }
    for (int i = 0; i < 4096; i++)
        most = count[i] > count[most] ? i : most;
    CHECK(most % 1000 == 7, "token %d is drawn most", most);
    sampler_free(a);
    sampler_free(b);
}

static void draws(void)
{
    enum { N = 40000 };
    const float x[4] = {logf(0.2f), logf(0.4f), logf(0.1f), logf(0.3f)};
    const double p[4] = {0.2, 0.4, 0.1, 0.3};
    int count[4] = {0}, differ = 0;
    struct sampler *a = sampler_new(4, &plain, 7), *b = sampler_new(4, &plain, 7),
                   *c = sampler_new(4, &plain, 8);
    for (int i = 0; i < N; i++) {
        int32_t id = sampler_next(a, x, NULL, 0);
        CHECK(id == sampler_next(b, x, NULL, 0), "the same seed");
        differ += id != sampler_next(c, x, NULL, 0);
        count[id]++;
    }
    for (int i = 0; i < 4; i++) /* five standard deviations */
        CHECK(fabs(count[i] - N * p[i]) < 5 * sqrt(N * p[i] * (1 - p[i])), "token %d drawn %d times", i,
              count[i]);
    CHECK(differ > N / 2, "another seed draws alike");
    sampler_reseed(c, 7);
    sampler_reseed(a, 7);
    for (int i = 0; i < 100; i++)
        CHECK(sampler_next(a, x, NULL, 0) == sampler_next(c, x, NULL, 0), "reseed");
    sampler_free(a);
    sampler_free(b);
    sampler_free(c);
}

int main(void)
{
    test_begin(20);
    filters();
    order();
    extremes();
    large();
    draws_of_many();
    draws();
    return 0;
}
