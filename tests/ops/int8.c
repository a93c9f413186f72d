/*
 * int8.c - weights in int8 with one scale a row, their products and the embedding
 */
#include "tests/ops/formulas.h"
#include "tests/ops/ops.h"

struct matrix {
    int O, I;
    struct array W, bytes, scales, q; /* q: the numbers in bytes, as f32 */
};

/* The whole numbers end where their array does, so that guards show a write behind the last. */
static int8_t *whole(const struct matrix *m)
{
    return (int8_t *)m->bytes.p + 4 * m->bytes.n - (size_t)m->O * m->I;
}

static struct matrix matrix_new(int O, int I)
{
    size_t n = (size_t)O * I;
    struct matrix m = {O, I, act_new(n, 1), f32_new((n + 3) / 4, 1), f32_new(O, 1), f32_new(n, 1)};
    for (int i = 0; i < I; i++)
        m.W.v[i] = element_cut(m.W.p, i, act, 0); /* the first row is zeros */
    return m;
}

static void quantise(struct matrix *m)
{
    ops->quantise_int8(dev, whole(m), m->scales.p, m->W.p, m->O, m->I);
    array_read(&m->scales);
    for (size_t i = 0; i < m->q.n; i++)
        ((float *)m->q.p)[i] = whole(m)[i];
    array_read(&m->q);
}

/* The largest magnitude of a row is 127 steps, and every weight is within half a step. */
static void check_rows(const struct matrix *m)
{
    for (int o = 0; against == FORMULAS && o < m->O; o++) {
        double largest = 0, step = m->scales.v[o];
        for (size_t i = (size_t)o * m->I; i < (size_t)(o + 1) * m->I; i++) {
            largest = fmax(largest, fabs(m->W.v[i]));
            CHECK(fabs(m->W.v[i] - step * m->q.v[i]) <= 0.5001 * step, "weight %zu is %g, %g steps of %g", i,
                  m->W.v[i], m->q.v[i], step);
        }
        CHECK(fabs(127 * step - largest) <= 1e-6 * largest, "the scale of row %d is %g, want %g", o, step,
              largest / 127);
        checked++;
    }
}

static void product(const struct matrix *m, int N)
{
    int I = m->I, O = m->O;
    struct array x = act_new((size_t)N * I, 1), y = act_new((size_t)N * O, 1);
    ops->linear_int8_forward(dev, y.p, x.p, whole(m), m->scales.p, N, I, O);
    array_read(&y);
    for (size_t k = 0; k < sample_count(y.n); k++) {
        size_t i = sample(y.n, k);
        same("y", i, y.v[i], m->scales.v[i % O] * ref_product(x.v, I, 1, m->q.v, 1, I, i / O, i % O, I),
             sqrt(I));
    }
}

/* Each of a few rows has the bits that it has alone. */
static void equal_rows(const struct matrix *m)
{
    int N = ops->equal_rows < 16 ? ops->equal_rows : 16, I = m->I, O = m->O;
    size_t row = (size_t)O * dtype_bytes(act);
    struct array x = act_new((size_t)N * I, 1), y = act_new((size_t)N * O, 1), one = act_new(O, 1);
    ops->linear_int8_forward(dev, y.p, x.p, whole(m), m->scales.p, N, I, O);
    for (int r = 0; r < N; r++) {
        ops->linear_int8_forward(dev, one.p, array_at(&x, (size_t)r * I), whole(m), m->scales.p, 1, I, O);
        checked++;
        CHECK(!memcmp(one.p, (char *)y.p + r * row, row), "row %d of %d: other bits than alone", r, N);
    }
}

static void with(int N, int I, int O)
{
    test_start("linear, int8");
    slack = 4; /* the CPU's x is rounded to 16 bits of its largest magnitude */
    struct matrix m = matrix_new(O, I);
    quantise(&m);
    check_rows(&m);
    product(&m, N);
    product(&m, 1);
    product(&m, 7);
    equal_rows(&m);
    test_end();
}

static void embedding(int N, int C, int V)
{
    test_start("embedding, int8");
    struct matrix m = matrix_new(V, C);
    struct array x = act_new((size_t)N * C, 1);
    int32_t *ids = malloc(N * sizeof *ids);
    for (int n = 0; n < N; n++)
        ids[n] = below(V);
    quantise(&m);
    ops->embedding_int8_forward(dev, x.p, whole(&m), m.scales.p, ids, N, C);
    array_read(&x);
    for (int i = 0; i < N * C; i++)
        same("x", i, x.v[i], m.scales.v[ids[i / C]] * m.q.v[(size_t)ids[i / C] * C + i % C], 0);
    free(ids);
    test_end();
}

void test_int8(void)
{
    int N = tokens(), C = shape->C;
    with(N, C, (shape->H + 2 * shape->Hkv) * shape->D);
    with(N, shape->F, C);
    with(20, C, shape->V < 1500 ? shape->V : 1500); /* more than the CPU widens at a time */
    embedding(N, C, shape->V < 1500 ? shape->V : 1500);
}

/* The largest products, all of one sign, do not overflow their sums; what is not finite shows. */
void test_int8_extremes(void)
{
    enum { I = 17003, O = 3 };
    test_start("int8, extremes");
    struct matrix m = matrix_new(O, I);
    struct array x = act_new(I, 1), y = act_new(O, 1);
    for (int i = 0; i < I; i++) {
        element_cut(x.p, i, act, -1);
        for (int o = 0; o < O; o++)
            element_cut(m.W.p, (size_t)o * I + i, act, o == 2 && i == I - 1 ? INFINITY : 0.5f);
    }
    ops->quantise_int8(dev, whole(&m), m.scales.p, m.W.p, O, I);
    ops->linear_int8_forward(dev, y.p, x.p, whole(&m), m.scales.p, 1, I, O);
    array_read(&y);
    CHECK(fabs(y.v[0] + I / 2.0) <= I * 0x1p-9, "%g, want %g", y.v[0], -I / 2.0);
    CHECK(isnan(y.v[2]), "infinity became %g", y.v[2]);
    element_cut(x.p, 5, act, NAN);
    ops->linear_int8_forward(dev, y.p, x.p, whole(&m), m.scales.p, 1, I, O);
    array_read(&y);
    CHECK(isnan(y.v[0]) && isnan(y.v[1]), "NaN became %g", y.v[0]);
    test_end();
}
