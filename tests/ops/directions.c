/*
 * directions.c - products of vectors with saved directions, and combinations of them
 */
#include "tests/ops/ops.h"

enum { SPANS = 3, GROUPS = 2, GRAM = (OPS_DIRECTIONS + 1) * (OPS_DIRECTIONS + 1) };

/* k directions D and what the ops combine with them. x0 ..: the values before. */
struct setting {
    int k;
    size_t n;
    const struct span *spans; /* spans of two groups, with a gap between them */
    struct array x, y, work, d, D[OPS_DIRECTIONS];
    const void *p[OPS_DIRECTIONS]; /* D's */
    double *y0, *work0, *d0;
    float c[GROUPS * OPS_DIRECTIONS];
};

static void setting_new(struct setting *s, int k, size_t n, const struct span *spans)
{
    *s = (struct setting){.k = k, .n = n, .spans = spans};
    s->x = f32_new(n, 1);
    s->y = f32_new(n, 1);
    s->work = act_new(n, 1);
    s->d = act_new(n, 1);
    for (int j = 0; j < k; j++) {
        s->D[j] = act_new(n, 1);
        s->p[j] = s->D[j].p;
    }
    for (int i = 0; i < GROUPS * OPS_DIRECTIONS; i++)
        s->c[i] = (float)uniform();
    s->y0 = snapshot(&s->y);
    s->work0 = snapshot(&s->work);
    s->d0 = snapshot(&s->d);
}

static void setting_free(struct setting *s)
{
    free(s->y0);
    free(s->work0);
    free(s->d0);
}

/* Returns the group of element i; -1: it lies between spans. */
static int group_of(const struct setting *s, size_t i)
{
    for (int j = 0; j < SPANS; j++)
        if (i >= s->spans[j].offset && i - s->spans[j].offset < s->spans[j].n)
            return s->spans[j].group;
    return -1;
}

static void check_elements(const struct setting *s)
{
    for (size_t i = 0; i < s->n; i++) {
        int g = group_of(s, i);
        double sum = 0, x = s->x.v[i], y = s->y.v[i];
        if (g < 0) {
            CHECK(y == s->y0[i] && s->work.v[i] == s->work0[i] && s->d.v[i] == s->d0[i],
                  "written between spans, at %zu", i);
            continue;
        }
        for (int j = 0; j < s->k; j++)
            sum += (double)s->c[g * s->k + j] * s->D[j].v[i];
        CHECK(fabs(y - (x + sum)) <= 4e-6, "%s combine[%zu] is %.9g, want %.9g", ops->name, i, y, x + sum);
        CHECK(act == DTYPE_F32 || s->work.v[i] == widen(narrow((float)y)), "work[%zu]", i);
        same("direction", i, s->d.v[i], (s->k == 1 ? 0 : 0.7 * s->d0[i]) + 0.3 * (x - s->y0[i]) + sum, 1);
    }
}

/* The last vector is x - y; with two directions, x. */
static void check_gram(const struct setting *s, const double *got)
{
    int k = s->k;
    double want[GROUPS * GRAM] = {0};
    for (size_t i = 0; i < s->n; i++) {
        int g = group_of(s, i);
        double v[OPS_DIRECTIONS + 1];
        if (g < 0)
            continue;
        for (int j = 0; j < k; j++)
            v[j] = s->D[j].v[i];
        v[k] = s->x.v[i] - (k == 2 ? 0 : s->y0[i]);
        for (int j = 0; j <= k; j++)
            for (int l = 0; l <= k; l++)
                want[(g * (k + 1) + j) * (k + 1) + l] += v[j] * v[l];
    }
    for (int i = 0; i < GROUPS * (k + 1) * (k + 1); i++) {
        double bound = 1e-5 * (double)s->n; /* elements are below 2 */
        CHECK(fabs(got[i] - want[i]) <= bound, "%s gram[%d] of %d is %.9g, want %.9g", ops->name, i, k,
              got[i], want[i]);
    }
}

static void check_directions(struct setting *s)
{
    double out[GROUPS * GRAM];
    int k = s->k;
    ops->gram(dev, out, s->p, k, s->x.p, k == 2 ? NULL : s->y.p, s->spans, SPANS, GROUPS);
    ops->direction(dev, s->d.p, k == 1 ? 0 : 0.7f, 0.3f, s->x.p, s->y.p, s->p, k, s->c, s->spans, SPANS);
    ops->combine(dev, s->y.p, act == DTYPE_F32 ? s->y.p : s->work.p, s->x.p, s->p, k, s->c, s->spans, SPANS);
    array_read(&s->y);
    array_read(&s->work);
    array_read(&s->d);
    check_elements(s);
    check_gram(s, out);
}

/* x in place, without a working copy; d one of D */
static void check_aliases(size_t n, const struct span *spans, const float *c)
{
    struct array x = f32_new(n, 1), D = act_new(n, 1);
    double *x0 = snapshot(&x), *d0 = snapshot(&D);
    const void *p = D.p;
    ops->combine(dev, x.p, NULL, x.p, &p, 1, c, spans, 1);
    ops->direction(dev, D.p, 0.5f, 0, x.p, x.p, &p, 1, c, spans, 1);
    array_read(&x);
    array_read(&D);
    for (size_t i = 0; i < spans[0].n; i++) {
        CHECK(fabs(x.v[i] - (x0[i] + (double)c[1] * d0[i])) <= 2e-6, "in place, %zu", i);
        same("direction on itself", i, D.v[i], (0.5 + (double)c[1]) * d0[i], 1);
    }
    free(x0);
    free(d0);
}

void test_directions(void)
{
    size_t n = weights() * 2 + 11, cut = n / 3 + 1;
    const struct span spans[SPANS] = {
        {0, cut, 1}, {cut + 5, n / 8 + 1, 0}, {cut + 5 + n / 8 + 1, n - cut - 5 - n / 8 - 1, 1}};
    struct setting s;
    for (int k = 0; k <= OPS_DIRECTIONS; k++) {
        test_start("directions");
        setting_new(&s, k, n, spans);
        check_directions(&s);
        setting_free(&s);
        test_end();
    }
    test_start("directions");
    check_aliases(n, spans, s.c);
    test_end();
}
