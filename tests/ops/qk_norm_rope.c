/*
 * qk_norm_rope.c - norm and rotation of the heads of queries and keys
 */
#include "tests/ops/ops.h"
#include "tests/ops/formulas.h"

struct rope_ctx {
    const double *qkv, *gq, *gk, *rope, *dqk;
    const int32_t *positions;
    int N, H, Hkv, D;
};

static double rope_head_loss(const struct rope_ctx *c, int n, int h)
{
    double y[256], sum = 0;
    size_t in = (size_t)(c->H + 2 * c->Hkv) * c->D, out = (size_t)(c->H + c->Hkv) * c->D;
    ref_norm_rope(y, c->qkv + n * in + (size_t)h * c->D, h < c->H ? c->gq : c->gk,
                  c->rope + (size_t)c->positions[n] * c->D, c->D, 1e-6);
    for (int d = 0; d < c->D; d++)
        sum += y[d] * c->dqk[n * out + (size_t)h * c->D + d];
    return sum;
}

static double rope_loss_x(void *ctx, size_t i)
{
    struct rope_ctx *c = ctx;
    size_t row = (size_t)(c->H + c->Hkv) * c->D;
    return rope_head_loss(c, (int)(i / row), (int)(i % row / c->D));
}

static double rope_loss_g(void *ctx, size_t i)
{
    struct rope_ctx *c = ctx;
    double sum = 0;
    (void)i;
    for (int n = 0; n < c->N; n++)
        for (int h = 0; h < c->H + c->Hkv; h++)
            sum += rope_head_loss(c, n, h);
    return sum;
}

static void check_heads(const struct array *qk, const struct array *rstd, const struct rope_ctx *c)
{
    int D = c->D, heads = c->H + c->Hkv;
    size_t in = (size_t)(heads + c->Hkv) * D, out = (size_t)heads * D;
    for (int n = 0; against == FORMULAS && n < c->N; n++)
        for (int h = 0; h < heads; h++) {
            double y[256];
            double r = ref_norm_rope(y, c->qkv + n * in + (size_t)h * D, h < c->H ? c->gq : c->gk,
                                     c->rope + (size_t)c->positions[n] * D, D, 1e-6);
            if (c->gq)
                CHECK(fabs(rstd->v[n * heads + h] - r) <= 1e-5 * r, "rstd");
            for (int d = 0; d < D; d++)
                same("qk", n * out + (size_t)h * D + d, qk->v[n * out + (size_t)h * D + d], y[d], 1);
        }
}

static void check_untouched(const char *what, struct array *a)
{
    double *before = snapshot(a);
    array_read(a);
    for (size_t i = 0; i < a->n; i++)
        CHECK(a->v[i] == before[i], "%s[%zu] is written without a norm", what, i);
    free(before);
}

/* The rotation alone, as in Llama. */
static void test_rope(struct rope_ctx *c, struct qk_norm_rope *args)
{
    int heads = c->H + c->Hkv;
    size_t in = (size_t)(heads + c->Hkv) * c->D, out = (size_t)heads * c->D;
    struct array qk = act_new(c->N * out, 1), rstd = f32_new((size_t)c->N * heads, 1);
    struct array dqk = act_new(c->N * out, 1), dqkv = act_new(c->N * in, 1), dg = f32_new(c->D, 1);
    c->gq = c->gk = NULL;
    c->dqk = dqk.v;
    args->gq = args->gk = NULL;
    ops->qk_norm_rope_forward(dev, qk.p, rstd.p, args, 1e-6f);
    array_read(&qk);
    check_heads(&qk, &rstd, c);
    double *before = snapshot(&dqkv);
    ops->qk_norm_rope_backward(dev, dqkv.p, dg.p, dg.p, dqk.p, rstd.p, args, false);
    array_read(&dqkv);
    check_gradient(&(struct gradient){"dqkv, no norm", &dqkv, 0, NULL, (double *)c->qkv, out, in, c->N * out,
                                      rope_loss_x, c, 1});
    for (size_t i = 0; i < dqkv.n; i++)
        CHECK(i % in < out || dqkv.v[i] == before[i], "dqkv[%zu] belongs to the values", i);
    free(before);
    check_untouched("rstd", &rstd);
    check_untouched("dg", &dg);
}

void test_qk_norm_rope(void)
{
    int N = tokens(), H = shape->H, Hkv = shape->Hkv, D = shape->D, heads = H + Hkv;
    size_t in = (size_t)(heads + Hkv) * D, out = (size_t)heads * D;
    test_start("qk_norm_rope");
    struct array qkv = act_new(N * in, 1), gq = f32_new(D, 1), gk = f32_new(D, 1), qk = act_new(N * out, 1);
    struct array rope = f32_new((size_t)shape->T * D, 1), rstd = f32_new((size_t)N * heads, 1);
    struct array dqk = act_new(N * out, 1), dqkv = act_new(N * in, 1), dgq = f32_new(D, 1),
                 dgk = f32_new(D, 1);
    int32_t *positions = malloc(N * sizeof *positions);
    for (int n = 0; n < N; n++)
        positions[n] = below(shape->T);
    for (int i = 0; i < shape->T * D; i++) {
        double angle = i / D * pow(1e4, -2.0 * (i % (D / 2)) / D);
        rope.v[i] = ((float *)rope.p)[i] = (float)(i % D < D / 2 ? cos(angle) : sin(angle));
    }
    struct rope_ctx c = {qkv.v, gq.v, gk.v, rope.v, dqk.v, positions, N, H, Hkv, D};
    struct qk_norm_rope args = {qkv.p, gq.p, gk.p, rope.p, positions, N, H, Hkv, D};

    ops->qk_norm_rope_forward(dev, qk.p, rstd.p, &args, 1e-6f);
    array_read(&qk);
    array_read(&rstd);
    check_heads(&qk, &rstd, &c);

    double *dgq0 = snapshot(&dgq), *dgk0 = snapshot(&dgk), *dqkv0 = snapshot(&dqkv);
    for (int accumulate = 1; accumulate >= 0; accumulate--) {
        ops->qk_norm_rope_backward(dev, dqkv.p, dgq.p, dgk.p, dqk.p, rstd.p, &args, accumulate);
        array_read(&dgq);
        array_read(&dgk);
        check_gradient(
            &(struct gradient){"dgq", &dgq, 0, accumulate ? dgq0 : NULL, gq.v, D, D, D, rope_loss_g, &c, 1});
        check_gradient(
            &(struct gradient){"dgk", &dgk, 0, accumulate ? dgk0 : NULL, gk.v, D, D, D, rope_loss_g, &c, 1});
    }
    array_read(&dqkv);
    check_gradient(&(struct gradient){"dqkv", &dqkv, 0, NULL, qkv.v, out, in, N * out, rope_loss_x, &c, 1});
    for (size_t i = 0; i < dqkv.n; i++) /* the values' part is not this op's */
        CHECK(i % in < out || dqkv.v[i] == dqkv0[i], "dqkv[%zu] belongs to the values", i);
    test_rope(&c, &args);
    free(dgq0);
    free(dgk0);
    free(dqkv0);
    free(positions);
    test_end();
}
