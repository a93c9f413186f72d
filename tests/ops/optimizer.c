/*
 * optimizer.c - AdamW with its state in f32 and in bf16, and the mean of the weights
 */
#include "tests/ops/ops.h"

void test_adamw(void)
{
    size_t n = weights() + 3;
    struct adamw a = {1e-2f, 0.9f, 0.95f, 1e-8f, 0.1f, 0.271f, 0.142625f, 0.5f};
    test_start("adamw");
    struct array w = f32_new(n, 1), m = f32_new(n, 0.1), v = f32_new(n, 0.1), g = f32_new(n, 1),
                 work = act_new(n, 1);
    for (size_t i = 0; i < n; i++)
        v.v[i] = ((float *)v.p)[i] = (float)fabs(v.v[i]);
    double *w0 = snapshot(&w), *m0 = snapshot(&m), *v0 = snapshot(&v);
    ops->adamw_step(dev, w.p, act == DTYPE_F32 ? w.p : work.p, m.p, v.p, g.p, n, a);
    array_read(&w);
    array_read(&m);
    array_read(&v);
    array_read(&work);
    for (size_t i = 0; i < n; i++) {
        double grad = (double)a.grad_scale * g.v[i];
        double mean = (double)a.beta1 * m0[i] + (1 - (double)a.beta1) * grad;
        double square = (double)a.beta2 * v0[i] + (1 - (double)a.beta2) * grad * grad;
        double step = mean / a.bias1 / (sqrt(square / a.bias2) + a.eps) + (double)a.weight_decay * w0[i];
        CHECK(fabs(m.v[i] - mean) <= 1e-6 && fabs(v.v[i] - square) <= 1e-6, "%s moments[%zu]", ops->name, i);
        CHECK(fabs(w.v[i] - (w0[i] - a.lr * step)) <= 2e-6 * (1 + a.lr * fabs(step)),
              "%s theta[%zu] is %.9g, want %.9g", ops->name, i, w.v[i], w0[i] - a.lr * step);
        CHECK(act == DTYPE_F32 || work.v[i] == widen(narrow((float)w.v[i])), "work[%zu]", i);
    }
    ops->adamw_step(dev, w.p, NULL, m.p, v.p, g.p, n, a); /* work may be NULL */
    array_read(&w);
    free(w0);
    free(m0);
    free(v0);
    test_end();
}

/* The state in bf16: each result is one of the two neighbours of the f32 step's, and over many their mean is
 * that. */
void test_adamw_bf16(void)
{
    enum { N = 40000 };
    struct adamw a = {1e-4f, 0.9f, 0.95f, 1e-8f, 0.1f, 0.271f, 0.142625f, 0.5f};
    bool alone = act == DTYPE_BF16; /* the weights in bf16 alone, too */
    test_start("adamw_bf16");
    struct array w = f32_new(N, 1), work = act_new(N, 1), g = f32_new(N, 1);
    struct array m = array_new(N, DTYPE_BF16, 0.1), v = array_new(N, DTYPE_BF16, 0.1);
    for (size_t i = 0; i < N; i++)
        ((uint16_t *)v.p)[i] &= 0x7fff, v.v[i] = fabs(v.v[i]);
    double off[3] = {0}, ulps[3] = {0};
    const struct array *theta = alone ? &work : &w;
    double *w0 = snapshot(theta), *m0 = snapshot(&m), *v0 = snapshot(&v);
    ops->adamw_step_bf16(dev, alone ? NULL : w.p, work.p, m.p, v.p, g.p, N, a, 12, 1000);
    for (size_t i = 0; i < N; i++) {
        double grad = (double)a.grad_scale * g.v[i];
        double want[3] = {(double)a.beta1 * m0[i] + (1 - (double)a.beta1) * grad,
                          (double)a.beta2 * v0[i] + (1 - (double)a.beta2) * grad * grad, 0};
        want[2] = w0[i] - a.lr * (want[0] / a.bias1 / (sqrt(want[1] / a.bias2) + a.eps) +
                                  (double)a.weight_decay * w0[i]);
        float got[3] = {element(m.p, i, m.t), element(v.p, i, v.t), element(theta->p, i, theta->t)};
        for (int k = 0; k < (alone ? 3 : 2); k++) {
            double ulp = ldexp(1, ilogb(want[k]) - 7);
            CHECK(fabs(got[k] - want[k]) < ulp * 1.001, "%s: array %d, element %zu is %.9g, want %.9g",
                  ops->name, k, i, (double)got[k], want[k]);
            off[k] += (got[k] - want[k]) / ulp;
            ulps[k]++;
        }
        CHECK(alone || (fabs(got[2] - want[2]) < 2e-6 && element(work.p, i, work.t) == got[2]), "theta[%zu]",
              i);
    }
    for (int k = 0; k < (alone ? 3 : 2); k++) /* a deviation of at most 0.5 each: five of their mean's */
        CHECK(fabs(off[k] / ulps[k]) < 5 * 0.5 / sqrt(N), "%s: array %d is off by %g of a bf16 step",
              ops->name, k, off[k] / ulps[k]);
    array_read(&m);
    array_read(&v);
    array_read(&work);
    free(w0);
    free(m0);
    free(v0);
    test_end();
}

void test_ema_step(void)
{
    size_t n = weights() + 3;
    test_start("ema_step");
    struct array w = f32_new(n, 1), mean = f32_new(n, 1), work = act_new(n, 1);
    double *w0 = snapshot(&w), *m0 = snapshot(&mean), *k0 = snapshot(&work);
    ops->ema_step(dev, w.p, act == DTYPE_F32 ? w.p : work.p, mean.p, n, 0.9f, 0);
    array_read(&w);
    array_read(&mean);
    array_read(&work);
    for (size_t i = 0; i < n; i++) {
        CHECK(w.v[i] == w0[i] && work.v[i] == k0[i], "written although ahead is 0");
        CHECK(fabs(mean.v[i] - (0.9 * m0[i] + 0.1 * w0[i])) <= 1e-6, "mean[%zu]", i);
        m0[i] = mean.v[i];
    }
    ops->ema_step(dev, w.p, act == DTYPE_F32 ? w.p : work.p, mean.p, n, 0.75f, 0.5f);
    array_read(&w);
    array_read(&mean);
    array_read(&work);
    for (size_t i = 0; i < n; i++) {
        double m = 0.75 * m0[i] + 0.25 * w0[i], want = w0[i] + 0.5 * (w0[i] - m);
        CHECK(fabs(mean.v[i] - m) <= 1e-6 && fabs(w.v[i] - want) <= 2e-6, "%s theta[%zu] is %.9g, want %.9g",
              ops->name, i, w.v[i], want);
        CHECK(act == DTYPE_F32 || work.v[i] == widen(narrow((float)w.v[i])), "work[%zu]", i);
    }
    ops->ema_step(dev, w.p, NULL, mean.p, n, 0.75f, 0.5f);
    array_read(&w);
    free(w0);
    free(m0);
    free(k0);
    test_end();
}
