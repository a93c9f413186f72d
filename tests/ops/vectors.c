/*
 * vectors.c - sums, conversions and linear combinations of vectors
 */
#include "tests/ops/ops.h"

static void check_sums(const struct array *x, const struct array *y)
{
    size_t n = x->n;
    double squares = 0, dot = 0;
    for (size_t i = 0; i < n; i++) {
        squares += x->v[i] * x->v[i];
        dot += x->v[i] * y->v[i];
    }
    double got = ops->sum_squares(dev, x->p, n), got_dot = ops->dot(dev, x->p, y->p, n);
    CHECK(fabs(got - squares) <= 1e-12 * squares, "sum_squares %.17g, want %.17g", got, squares);
    CHECK(fabs(got_dot - dot) <= 1e-12 * squares + 1e-12, "dot %.17g, want %.17g", got_dot, dot);
    CHECK(got == ops->sum_squares(dev, x->p, n), "sum_squares twice");
}

static void check_normalise(void)
{
    size_t n = (size_t)tokens() * shape->F + 1;
    struct array x = f32_new(n, 3);
    double *x0 = snapshot(&x), squares = 0;
    for (size_t i = 0; i < n; i++)
        squares += x0[i] * x0[i];
    ops->normalise(dev, x.p, 0.5, n);
    array_read(&x);
    for (size_t i = 0; i < n; i++)
        CHECK(fabs(x.v[i] - x0[i] / (sqrt(squares) + 0.5)) <= 1e-6 * fabs(x.v[i]), "normalise[%zu]", i);
    free(x0);
}

/* x to the device's type in a, and that to f32 in z */
static void check_conversions(const struct array *x, struct array *a, struct array *z)
{
    size_t n = x->n;
    ops->to_act(dev, a->p, x->p, n);
    ops->to_f32(dev, z->p, a->p, n);
    array_read(a);
    array_read(z);
    for (size_t i = 0; i < n; i++) {
        CHECK(a->v[i] == (act == DTYPE_BF16 ? widen(narrow((float)x->v[i])) : x->v[i]), "to_act[%zu]", i);
        CHECK(z->v[i] == a->v[i], "to_f32[%zu]", i);
    }
}

static void check_axpby(const struct array *x, const struct array *a)
{
    size_t n = x->n;
    struct array b = act_new(n, 1);
    double *b0 = snapshot(&b);
    ops->axpby(dev, b.p, 2.0f, a->p, -0.5f, n);
    array_read(&b);
    for (size_t i = 0; i < n; i++)
        same("axpby", i, b.v[i], 2 * a->v[i] - 0.5 * b0[i], 1);
    free(b0);
    ops->to_act(dev, b.p, x->p, n);
    memset(b.p, 0xff, dtype_bytes(act)); /* a NaN that must not be read */
    ops->axpby(dev, b.p, 1.0f, a->p, 0.0f, n);
    array_read(&b);
    CHECK(b.v[0] == a->v[0] && b.v[n - 1] == a->v[n - 1], "axpby reads y although b is 0");
}

/* z, which holds a, += -0.75 y; y *= 3; y = 0 */
static void check_in_place(const struct array *a, struct array *z, struct array *y)
{
    size_t n = y->n;
    ops->axpy(dev, z->p, -0.75f, y->p, n);
    array_read(z);
    ops->scale(dev, y->p, 3.0f, n);
    double *y0 = snapshot(y);
    array_read(y);
    for (size_t i = 0; i < n; i++) {
        CHECK(fabs(z->v[i] - (a->v[i] - 0.75 * y0[i])) <= 1e-6, "axpy[%zu]", i);
        CHECK(fabs(y->v[i] - 3 * y0[i]) <= 1e-6, "scale[%zu]", i);
    }
    ops->zero(dev, y->p, n * sizeof(float));
    array_read(y);
    for (size_t i = 0; i < n; i++)
        CHECK(y->v[i] == 0, "zero[%zu]", i);
    free(y0);
}

void test_vectors(void)
{
    size_t n = (size_t)tokens() * shape->F * 3 + 1;
    test_start("vectors");
    struct array x = f32_new(n, 1), y = f32_new(n, 1), a = act_new(n, 1), z = f32_new(n, 1);
    check_sums(&x, &y);
    check_conversions(&x, &a, &z);
    check_axpby(&x, &a);
    check_in_place(&a, &z, &y);
    check_normalise();
    test_end();
}

void test_rounding(void)
{
    static const uint32_t bits[] = {0,          0x80000000, 0x3f808000, 0x3f818000, 0x3f808001, 0x7f7fffff,
                                    0x7f800000, 0xff800000, 1,          0x8000,     0x18000,    0x7f800001,
                                    0xffc00000, 0x7fffffff, 0x3f7fffff, 0x477fffff, 0xbf808000, 0x007fffff};
    enum { COUNT = sizeof bits / sizeof *bits };
    if (act != DTYPE_BF16)
        return;
    test_start("rounding");
    for (int lane = 0; lane < 40; lane++) { /* full vectors and tails */
        struct array x = f32_new(COUNT + lane, 1), a = act_new(COUNT + lane, 1);
        memcpy((char *)x.p + lane * 4, bits, sizeof bits);
        ops->to_act(dev, a.p, x.p, COUNT + lane);
        for (int i = 0; i < COUNT; i++) {
            float f;
            uint16_t h = ((uint16_t *)a.p)[lane + i];
            memcpy(&f, &bits[i], 4);
            CHECK(isnan(f)                ? isnan(widen(h))
                  : isinf(f)              ? widen(h) == f
                  : bits[i] == 0x7f7fffff ? isinf(widen(h))
                                          : h == narrow(f),
                  "%s: %08x rounds to %04x", ops->name, bits[i], h);
        }
        if (lane % 10 == 9) {
            test_end();
            test_start("rounding");
        }
    }
    test_end();
}
