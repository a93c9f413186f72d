/*
 * rows.c - embedding, root-mean-square norm, products with weights
 */
#include "tests/ops/ops.h"
#include "tests/ops/formulas.h"

void test_embedding(void)
{
    int N = tokens(), C = shape->C, V = shape->V;
    test_start("embedding");
    struct array W = act_new((size_t)V * C, 1), x = act_new((size_t)N * C, 1), dW = f32_new((size_t)V * C, 1);
    int32_t *ids = malloc(N * sizeof *ids);
    for (int n = 0; n < N; n++)
        ids[n] = below(2) ? below(V) : 1; /* one id often */
    ops->embedding_forward(dev, x.p, W.p, ids, N, C);
    array_read(&x);
    for (int i = 0; i < N * C; i++)
        same("x", i, x.v[i], W.v[(size_t)ids[i / C] * C + i % C], 0);
    double *want = snapshot(&dW);
    for (int i = 0; i < N * C; i++)
        want[(size_t)ids[i / C] * C + i % C] += x.v[i];
    ops->embedding_backward(dev, dW.p, x.p, ids, N, C, V);
    array_read(&dW);
    for (size_t i = 0; against == FORMULAS && i < dW.n; i++)
        same("dW", i, dW.v[i], want[i], 1);
    free(want);
    free(ids);
    test_end();
}

struct rmsnorm_ctx {
    const double *x, *g, *dy;
    int N, C;
};

static double rmsnorm_row_loss(const struct rmsnorm_ctx *c, int n)
{
    double y[4096], sum = 0;
    ref_rmsnorm_row(y, c->x + (size_t)n * c->C, c->g, c->C, 1e-6);
    for (int i = 0; i < c->C; i++)
        sum += y[i] * c->dy[(size_t)n * c->C + i];
    return sum;
}

static double rmsnorm_loss_x(void *ctx, size_t i)
{
    struct rmsnorm_ctx *c = ctx;
    return rmsnorm_row_loss(c, (int)(i / c->C));
}

static double rmsnorm_loss_g(void *ctx, size_t i)
{
    struct rmsnorm_ctx *c = ctx;
    double sum = 0;
    (void)i;
    for (int n = 0; n < c->N; n++)
        sum += rmsnorm_row_loss(c, n);
    return sum;
}

static void rmsnorm_forward_with(const struct array *x, const struct array *delta, const struct array *g,
                                 struct array *sum, struct array *y, struct array *rstd)
{
    int N = tokens(), C = shape->C;
    double row[4096];
    ops->rmsnorm_forward(dev, y->p, rstd->p, delta ? sum->p : NULL, x->p, delta ? delta->p : NULL, g->p, N, C,
                         1e-6f);
    array_read(y);
    array_read(rstd);
    array_read(sum);
    for (int n = 0; against == FORMULAS && n < N; n++) {
        const double *s = (delta ? sum : x)->v + (size_t)n * C;
        double r = ref_rmsnorm_row(row, s, g->v, C, 1e-6);
        checked++;
        CHECK(fabs(rstd->v[n] - r) <= 1e-5 * r, "rstd[%d] is %g, want %g", n, rstd->v[n], r);
        for (int c = 0; c < C; c++) {
            size_t i = (size_t)n * C + c;
            same("y", i, y->v[i], row[c], 1);
            if (delta)
                same("sum", i, sum->v[i], x->v[i] + delta->v[i], 0.1);
        }
    }
}

void test_rmsnorm(void)
{
    int N = tokens(), C = shape->C;
    size_t n = (size_t)N * C;
    test_start("rmsnorm");
    struct array x = act_new(n, 2), delta = act_new(n, 1), g = f32_new(C, 2), sum = act_new(n, 1);
    struct array y = act_new(n, 1), rstd = f32_new(N, 1);
    struct array dy = act_new(n, 1), dx = act_new(n, 1), dg = f32_new(C, 1);
    rmsnorm_forward_with(&x, NULL, &g, &sum, &y, &rstd);
    rmsnorm_forward_with(&x, &delta, &g, &sum, &y, &rstd);

    struct array in_place = act_new(n, 1); /* sum may alias x */
    ops->copy(dev, in_place.p, x.p, n * dtype_bytes(act));
    ops->rmsnorm_forward(dev, y.p, rstd.p, in_place.p, in_place.p, delta.p, g.p, N, C, 1e-6f);
    CHECK(!memcmp(in_place.p, sum.p, n * dtype_bytes(act)), "sum in place of x");

    double *dx0 = snapshot(&dx), *dg0 = snapshot(&dg);
    struct rmsnorm_ctx ctx = {sum.v, g.v, dy.v, N, C};
    ops->rmsnorm_backward(dev, dx.p, dg.p, dy.p, sum.p, g.p, rstd.p, N, C, true);
    array_read(&dx);
    array_read(&dg);
    check_gradient(&(struct gradient){"dx", &dx, 0, dx0, sum.v, n, n, n, rmsnorm_loss_x, &ctx, 1});
    check_gradient(&(struct gradient){"dg +=", &dg, 0, dg0, g.v, C, C, C, rmsnorm_loss_g, &ctx, 1});
    ops->rmsnorm_backward(dev, dx.p, dg.p, dy.p, sum.p, g.p, rstd.p, N, C, false);
    array_read(&dg);
    check_gradient(&(struct gradient){"dg =", &dg, 0, NULL, g.v, C, C, C, rmsnorm_loss_g, &ctx, 1});
    free(dx0);
    free(dg0);
    test_end();
}

static void linear_with(int N, int I, int O)
{
    double size = sqrt(I > O ? I : O);
    test_start("linear");
    struct array x = act_new((size_t)N * I, 1), W = act_new((size_t)O * I, 1), y = act_new((size_t)N * O, 1);
    struct array dy = act_new((size_t)N * O, 1), dx = act_new((size_t)N * I, 1),
                 dW = f32_new((size_t)O * I, 1);

    ops->linear_forward(dev, y.p, x.p, W.p, N, I, O);
    array_read(&y);
    for (size_t k = 0; k < sample_count(y.n); k++) {
        size_t i = sample(y.n, k);
        same("y", i, y.v[i], ref_product(x.v, I, 1, W.v, 1, I, i / O, i % O, I), size);
    }
    double *dx0 = snapshot(&dx), *dW0 = snapshot(&dW);
    ops->linear_backward_input(dev, dx.p, dy.p, W.p, N, I, O, true);
    array_read(&dx);
    for (size_t k = 0; k < sample_count(dx.n); k++) {
        size_t i = sample(dx.n, k);
        same("dx +=", i, dx.v[i], dx0[i] + ref_product(dy.v, O, 1, W.v, I, 1, i / I, i % I, O), size);
    }
    ops->linear_backward_input(dev, dx.p, dy.p, W.p, N, I, O, false);
    array_read(&dx);
    for (size_t k = 0; k < sample_count(dx.n); k++) {
        size_t i = sample(dx.n, k);
        same("dx =", i, dx.v[i], ref_product(dy.v, O, 1, W.v, I, 1, i / I, i % I, O), size);
    }
    for (int accumulate = 1; accumulate >= 0; accumulate--) {
        ops->linear_backward_weight(dev, dW.p, dy.p, x.p, N, I, O, accumulate);
        array_read(&dW);
        for (size_t k = 0; k < sample_count(dW.n); k++) {
            size_t i = sample(dW.n, k);
            double before = accumulate ? dW0[i] : 0;
            same(accumulate ? "dW +=" : "dW =", i, dW.v[i],
                 before + ref_product(dy.v, 1, O, x.v, I, 1, i / I, i % I, N), sqrt(N));
        }
    }
    free(dx0);
    free(dW0);
    test_end();
}

/* Each of a few rows has the bits that it has alone: what a text becomes does not depend on its neighbours.
 */
static void equal_rows(int I, int O)
{
    int N = ops->equal_rows < 16 ? ops->equal_rows : 16;
    size_t bytes = (size_t)O * dtype_bytes(act);
    test_start("linear, equal rows");
    struct array x = act_new((size_t)N * I, 1), W = act_new((size_t)O * I, 1), y = act_new((size_t)N * O, 1),
                 alone = act_new((size_t)N * O, 1);
    for (int r = 0; r < N; r++)
        ops->linear_forward(dev, (char *)alone.p + r * bytes, (char *)x.p + (size_t)r * I * dtype_bytes(act),
                            W.p, 1, I, O);
    for (int n = 2; n <= N; n += n < 5 ? 1 : 11) {
        ops->linear_forward(dev, y.p, x.p, W.p, n, I, O);
        checked++;
        CHECK(!memcmp(alone.p, y.p, (size_t)n * bytes), "%d rows: other bits than alone", n);
    }
    test_end();
}

void test_linear(void)
{
    int N = tokens(), C = shape->C, width = (shape->H + 2 * shape->Hkv) * shape->D;
    linear_with(N, C, width);
    linear_with(N, shape->F, C);
    linear_with(1, C, 2 * shape->F);
    linear_with(N < 32 ? N : 32, C, shape->V);
    if (ops->equal_rows) {
        equal_rows(C, width);
        equal_rows(shape->F, C);
    }
    linear_with(N + 512, 8, 2048); /* gradients' rows of a multiple of 4 KiB */
}

void test_bias(void)
{
    int N = tokens(), O = shape->F;
    test_start("bias");
    struct array y = act_new((size_t)N * O, 1), b = f32_new(O, 1), db = f32_new(O, 1);
    double *y0 = snapshot(&y), *db0 = snapshot(&db);
    ops->bias_forward(dev, y.p, b.p, N, O);
    array_read(&y);
    for (size_t i = 0; i < y.n; i++)
        same("y", i, y.v[i], y0[i] + b.v[i % (size_t)O], 1);
    double *want = calloc((size_t)O, sizeof *want);
    for (size_t i = 0; i < y.n; i++)
        want[i % (size_t)O] += y.v[i];
    for (int accumulate = 1; accumulate >= 0; accumulate--) {
        ops->bias_backward(dev, db.p, y.p, N, O, accumulate);
        array_read(&db);
        for (int o = 0; o < O; o++)
            same("db", (size_t)o, db.v[o], want[o] + (accumulate ? db0[o] : 0), sqrt(N));
    }
    free(want);
    free(y0);
    free(db0);
    test_end();
}
