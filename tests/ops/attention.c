/*
 * attention.c - attention over a sequence, forward and backward, and over a cache
 */
#include "tests/ops/ops.h"
#include "tests/ops/formulas.h"

static struct attention_shape attention(void)
{
    return (struct attention_shape){shape->B, shape->T, shape->H, shape->Hkv, shape->D};
}

struct attention_ctx {
    const double *qk, *qkv, *dout;
    const int32_t *first;
    struct attention_shape s;
};

static double query_loss(const struct attention_ctx *c, int b, int i, int h)
{
    double out[256], sum = 0;
    ref_attend(out, c->qk, c->qkv, c->first, b, i, h, c->s);
    for (int d = 0; d < c->s.D; d++)
        sum += out[d] * c->dout[((size_t)(b * c->s.T + i) * c->s.H + h) * c->s.D + d];
    return sum;
}

static double loss_q(void *ctx, size_t at)
{
    struct attention_ctx *c = ctx;
    int n = (int)(at / (c->s.H * c->s.D)), h = (int)(at % (c->s.H * c->s.D)) / c->s.D;
    return query_loss(c, n / c->s.T, n % c->s.T, h);
}

static double loss_kv(void *ctx, size_t at)
{
    struct attention_ctx *c = ctx;
    int n = (int)(at / (c->s.Hkv * c->s.D)), g = (int)(at % (c->s.Hkv * c->s.D)) / c->s.D,
        group = c->s.H / c->s.Hkv;
    double sum = 0;
    for (int i = n % c->s.T; i < c->s.T; i++)
        for (int h = g * group; h < (g + 1) * group; h++)
            sum += query_loss(c, n / c->s.T, i, h);
    return sum;
}

static int32_t *documents(void)
{
    int32_t *first = malloc(tokens() * sizeof *first);
    for (int n = 0; n < tokens(); n++)
        first[n] = n % shape->T == 0 ? 0 : below(shape->document) == 0 ? n % shape->T : first[n - 1];
    return first;
}

static void check_attention(const struct array *out, const struct array *lse, const struct attention_ctx *c)
{
    struct attention_shape s = c->s;
    size_t n = (size_t)s.B * s.T * s.H;
    for (size_t k = 0; k < sample_count(n); k++) {
        size_t i = sample(n, k);
        int row = (int)(i / s.H), h = (int)(i % s.H);
        double want[256];
        double l = ref_attend(want, c->qk, c->qkv, c->first, row / s.T, row % s.T, h, s);
        double got = lse->v[((size_t)(row / s.T) * s.H + h) * s.T + row % s.T];
        CHECK(fabs(got - l) <= 2e-5 * (1 + fabs(l)), "%s %s lse of query %zu is %g, want %g", ops->name,
              shape->name, i, got, l);
        for (int d = 0; d < s.D; d++)
            same("out", i * s.D + d, out->v[i * s.D + d], want[d], 1);
    }
}

void test_attention(void)
{
    struct attention_shape s = attention();
    int N = tokens(), D = s.D;
    size_t qk_row = (size_t)(s.H + s.Hkv) * D, qkv_row = qk_row + (size_t)s.Hkv * D, q_row = (size_t)s.H * D;
    size_t kv_row = (size_t)s.Hkv * D;
    test_start("attention");
    struct array qk = act_new(N * qk_row, 2), qkv = act_new(N * qkv_row, 1), out = act_new(N * q_row, 1);
    struct array lse = f32_new((size_t)N * s.H, 1), dout = act_new(N * q_row, 1),
                 dqk = act_new(N * qk_row, 1);
    struct array dqkv = act_new(N * qkv_row, 1);
    int32_t *first = shape->document ? documents() : NULL;
    struct attention_ctx c = {qk.v, qkv.v, dout.v, first, s};
    struct attention in = {qk.p, qkv.p, first, s};

    ops->attention_forward(dev, out.p, lse.p, &in);
    slack = act == DTYPE_BF16 ? 60 : 1; /* p in bf16 */
    array_read(&out);
    array_read(&lse);
    check_attention(&out, &lse, &c);

    double *dqkv0 = snapshot(&dqkv);
    slack = act == DTYPE_BF16 ? 400 : 1; /* p, ds and the saved output in bf16 */
    ops->attention_backward(dev, dqk.p, dqkv.p, dout.p, out.p, lse.p, &in);
    array_read(&dqk);
    array_read(&dqkv);
    check_gradient(
        &(struct gradient){"dq", &dqk, 0, NULL, qk.v, q_row, qk_row, N * q_row, loss_q, &c, slack});
    check_gradient(&(struct gradient){"dk", &dqk, q_row, NULL, qk.v + q_row, kv_row, qk_row, N * kv_row,
                                      loss_kv, &c, slack});
    check_gradient(&(struct gradient){"dv", &dqkv, qk_row, NULL, qkv.v + qk_row, kv_row, qkv_row, N * kv_row,
                                      loss_kv, &c, slack});
    for (size_t i = 0; i < dqkv.n; i++)
        CHECK(i % qkv_row >= qk_row || dqkv.v[i] == dqkv0[i], "dqkv[%zu] belongs to q and k", i);
    free(dqkv0);
    free(first);
    test_end();
}

/* Feeding a sequence to the cache in pieces attends as one causal pass over it does. */
void test_cached(void)
{
    struct attention_shape s = attention();
    int T = s.T, D = s.D;
    size_t qk_row = (size_t)(s.H + s.Hkv) * D, qkv_row = qk_row + (size_t)s.Hkv * D, q_row = (size_t)s.H * D;
    size_t kv_row = (size_t)s.Hkv * D;
    test_start("attention_cached");
    s.B = 1;
    struct array qk = act_new(T * qk_row, 2), qkv = act_new(T * qkv_row, 1), out = act_new(T * q_row, 1);
    struct array k = act_new(T * kv_row, 1), v = act_new(T * kv_row, 1);
    for (int past = 0, n; past < T; past += n) {
        n = past + 5 < T && below(2) ? 5 : 1;
        n = past == 0 && T > 40 ? 37 : n;
        const void *q = array_at(&qk, past * qk_row);
        int32_t at = past; /* every other time the device is told only how far the cache may reach */
        const int32_t *past_at = past % 2 ? &at : NULL;
        int most = past_at ? s.T - n : past;
        ops->kv_append(dev, k.p, v.p, q, array_at(&qkv, past * qkv_row), n, most, past_at, s.H, s.Hkv, D);
        ops->attention_cached(dev, array_at(&out, past * q_row), q, k.p, v.p, n, most, past_at, s.H, s.Hkv,
                              D);
    }
    array_read(&out);
    for (size_t j = 0; j < sample_count((size_t)T * s.H); j++) {
        size_t i = sample((size_t)T * s.H, j);
        double want[256];
        ref_attend(want, qk.v, qkv.v, NULL, 0, (int)(i / s.H), (int)(i % s.H), s);
        for (int d = 0; d < D; d++)
            same("out", i * D + d, out.v[i * D + d], want[d], 1);
    }
    test_end();
}
