/*
 * loss.c - SwiGLU and cross entropy
 */
#include "tests/ops/ops.h"
#include "tests/ops/formulas.h"

struct swiglu_ctx {
    const double *x, *dy;
    int F;
};

static double swiglu_loss(void *ctx, size_t i)
{
    struct swiglu_ctx *c = ctx;
    size_t n = i / (2 * c->F), f = i % c->F;
    const double *row = c->x + n * 2 * c->F;
    return ref_swiglu(row[f], row[c->F + f]) * c->dy[n * c->F + f];
}

void test_swiglu(void)
{
    int N = tokens(), F = shape->F;
    test_start("swiglu");
    struct array x = act_new((size_t)N * 2 * F, 8), y = act_new((size_t)N * F, 1),
                 dy = act_new((size_t)N * F, 1);
    struct array dx = act_new((size_t)N * 2 * F, 1);
    struct swiglu_ctx c = {x.v, dy.v, F};
    ops->swiglu_forward(dev, y.p, x.p, N, F);
    ops->swiglu_backward(dev, dx.p, dy.p, x.p, N, F);
    array_read(&y);
    array_read(&dx);
    for (size_t i = 0; against == FORMULAS && i < y.n; i++) {
        const double *row = x.v + i / F * 2 * F;
        same("y", i, y.v[i], ref_swiglu(row[i % F], row[F + i % F]), 0.1);
    }
    check_gradient(&(struct gradient){"dgate_up", &dx, 0, NULL, x.v, 1, 1, x.n, swiglu_loss, &c, 1});
    test_end();
}

struct loss_ctx {
    const double *logits;
    const int32_t *targets;
    int V;
};

static double logit_loss(void *ctx, size_t i)
{
    struct loss_ctx *c = ctx;
    size_t n = i / c->V;
    return c->targets[n] < 0 ? 0 : 0.5 * ref_cross_entropy(c->logits + n * c->V, c->V, c->targets[n]);
}

static void check_losses(const struct array *loss, const struct loss_ctx *c)
{
    for (int n = 0; against == FORMULAS && n < (int)loss->n; n++) {
        double want =
            c->targets[n] < 0 ? 0 : ref_cross_entropy(c->logits + (size_t)n * c->V, c->V, c->targets[n]);
        CHECK(fabs(loss->v[n] - want) <= 2e-6 * (1 + want), "%s loss[%d] is %.9g, want %.9g", ops->name, n,
              loss->v[n], want);
    }
}

/* Checks two properties of every row: the sum of its gradient is 0, and the value at its target is right. */
static void check_rows(const struct array *dlogits, const struct loss_ctx *c)
{
    int N = (int)(dlogits->n / c->V);
    for (int n = 0; against == FORMULAS && n < N; n++) {
        const double *row = dlogits->v + (size_t)n * c->V, *logits = c->logits + (size_t)n * c->V;
        double sum = 0;
        int target = c->targets[n];
        for (int v = 0; v < c->V; v++)
            sum += row[v];
        CHECK(target >= 0 || sum == 0, "a row without target has no gradient");
        CHECK(fabs(sum) <= (act == DTYPE_BF16 ? 1e-2 : 1e-5), "row %d of the gradient sums to %g", n, sum);
        if (target >= 0)
            same("dlogits[target]", n, row[target], 0.5 * (exp(-ref_cross_entropy(logits, c->V, target)) - 1),
                 0.1);
    }
}

void test_cross_entropy(void)
{
    int N = tokens() < 40 ? tokens() : 40, V = shape->V;
    test_start("cross_entropy");
    struct array logits = act_new((size_t)N * V, 8), loss = f32_new(N, 1), keep = act_new((size_t)N * V, 1);
    int32_t *targets = malloc(N * sizeof *targets);
    for (int n = 0; n < N; n++)
        targets[n] = n % 5 == 3 ? -1 : below(V);
    targets[0] = V - 1;
    ops->copy(dev, keep.p, logits.p, keep.n * dtype_bytes(act));
    array_read(&keep);
    struct loss_ctx c = {keep.v, targets, V};

    for (int pass = 0; pass < 2; pass++) { /* first without gradient */
        ops->cross_entropy(dev, loss.p, logits.p, targets, N, V, pass ? 0.5f : 0);
        array_read(&loss);
        check_losses(&loss, &c);
        CHECK(pass || !memcmp(logits.p, keep.p, keep.n * dtype_bytes(act)),
              "scale 0 leaves the logits alone");
    }
    array_read(&logits);
    check_gradient(
        &(struct gradient){"dlogits", &logits, 0, NULL, keep.v, 1, 1, logits.n, logit_loss, &c, 1e-3});
    check_rows(&logits, &c);
    free(targets);
    test_end();
}

/* Logits of any size: the maximum is subtracted first. */
void test_extremes(void)
{
    static const float rows[][4] = {
        {88, 89, -90, 3}, {3e4f, 1, 2, 3}, {-3e4f, -3e4f, -3e4f, -3e4f}, {200, -200, 0, 0}};
    test_start("extremes");
    for (int i = 0; i < 4; i++) {
        struct array logits = act_new(4, 1), loss = f32_new(1, 1);
        double exact[4];
        int32_t target = 1;
        for (int k = 0; k < 4; k++)
            ((float *)loss.p)[0] = rows[i][k], ops->to_act(dev, array_at(&logits, k), loss.p, 1);
        array_read(&logits);
        memcpy(exact, logits.v, sizeof exact);
        ops->cross_entropy(dev, loss.p, logits.p, &target, 1, 4, 1.0f);
        array_read(&loss);
        array_read(&logits);
        double want = ref_cross_entropy(exact, 4, 1);
        CHECK(fabs(loss.v[0] - want) <= 1e-6 * (1 + want), "loss is %g, want %g", loss.v[0], want);
        for (int k = 0; k < 4; k++)
            same("dlogits", k, logits.v[k], exp(-ref_cross_entropy(exact, 4, k)) - (k == 1), 1e-2);
    }
    test_end();
}
