/*
 * vectors.c - long vectors, AdamW, SwiGLU, cross-entropy
 */
#include "tests/cuda/gpu/cuda.h"
#include "tests/element.h"
#include <cuda_runtime_api.h>

enum { MOST = 30000 };

static size_t length(void)
{
    size_t n = (size_t)shape->B * (size_t)shape->T * (size_t)shape->C;
    return (n > MOST && !shape->large ? MOST : n) + (shape->misaligned ? 3 : 0);
}

static void check_dot(struct array x, struct array y, size_t n)
{
    double *result = scratch_new(sizeof *result), got, sum = 0, squares = 0;
    cuda_dot(NULL, result, x.device, y.device, n, scratch_new(cuda_dot_scratch(n)));
    CHECK(cudaMemcpy(&got, result, sizeof got, cudaMemcpyDeviceToHost) == cudaSuccess, "memcpy");
    for (size_t i = 0; i < n; i++) {
        sum += array_get(x, i) * array_get(y, i);
        squares += array_get(x, i) * array_get(x, i) + array_get(y, i) * array_get(y, i);
    }
    CHECK(fabs(got - sum) <= 1e-12 * squares, "%s, shape %s: dot of %zu is %.17g, want %.17g", op,
          shape->name, n, got, sum);
}

void test_vectors(void)
{
    size_t n = length();
    test_start("vectors");
    struct array x = f32_new(n, 2), y = f32_new(n, 1), a = act_new(n, 3), b = act_new(n, 1);
    check_dot(x, y, n);
    check_dot(x, x, n);
    check_dot(x, y, 0);
    cpu->axpy(cpu_device, y.host, -0.7f, x.host, n);
    cuda_axpy(NULL, y.device, -0.7f, x.device, n);
    array_check("axpy", y, 0, 1e-7);
    cpu->scale(cpu_device, x.host, 1.3f, n);
    cuda_scale(NULL, x.device, 1.3f, n);
    array_check("scale", x, 0, 0);
    cpu->normalise(cpu_device, x.host, 0.01, n);
    cuda_normalise(NULL, x.device, 0.01, n, scratch_new(sizeof(double)), scratch_new(cuda_dot_scratch(n)));
    array_check("normalise", x, 0, 0);
    cpu->axpby(cpu_device, b.host, 0.6f, a.host, -1.1f, n);
    cuda_axpby(NULL, act, b.device, 0.6f, a.device, -1.1f, n);
    array_check("axpby", b, 0, 1e-7);
    cpu->axpby(cpu_device, b.host, 0.6f, a.host, 0, n);
    cuda_axpby(NULL, act, b.device, 0.6f, a.device, 0, n);
    array_check("axpby, b = 0", b, 0, 0);
    cpu->to_f32(cpu_device, y.host, a.host, n);
    cuda_to_f32(NULL, act, y.device, a.device, n);
    array_check("to_f32", y, 0, 0);
    cpu->to_act(cpu_device, b.host, x.host, n);
    cuda_to_act(NULL, act, b.device, x.device, n);
    array_check("to_act", b, 0, 0);
    test_end();
}

static const struct adamw adamw = {.lr = 0.1f,
                                   .beta1 = 0.9f,
                                   .beta2 = 0.95f,
                                   .eps = 1e-8f,
                                   .weight_decay = 0.1f,
                                   .bias1 = 0.271f,
                                   .bias2 = 0.142625f,
                                   .grad_scale = 0.7f};

static struct array squares_new(size_t n, enum dtype t)
{
    struct array v = array_new(n, t, 1);
    for (size_t i = 0; i < n; i++) { /* a running mean of squares is not negative */
        if (t == DTYPE_BF16)
            ((uint16_t *)v.host)[i] &= 0x7fff;
        else
            ((float *)v.host)[i] = fabsf(((float *)v.host)[i]) + 1e-3f;
    }
    array_send(v);
    return v;
}

/* f32 copy of the host's values of a, on the host alone */
static float *widened(struct array a)
{
    float *f = malloc(a.n * sizeof *f);
    for (size_t i = 0; i < a.n; i++)
        f[i] = (float)array_get(a, i);
    return f;
}

/* Stochastic rounding gives one of the two neighbours: 2^-7 of the value at most; their mean is close to the
 * value. */
static void check_rounded(const char *what, struct array a, const float *want)
{
    uint16_t *got = malloc(a.n * sizeof *got);
    double off = 0, ulps = 0;
    CHECK(cudaMemcpy(got, a.device, a.n * sizeof *got, cudaMemcpyDeviceToHost) == cudaSuccess, "memcpy");
    for (size_t i = 0; i < a.n; i++) {
        float x = widen(got[i]);
        CHECK(fabs((double)x - want[i]) <= 0x1p-7 * fabs((double)want[i]) + 1e-6,
              "%s, shape %s: %s[%zu] is %.9g, want %.9g", op, shape->name, what, i, x, want[i]);
        off += ((double)x - want[i]) / (fabs((double)want[i]) * 0x1p-7 + 1e-9);
        ulps++;
    }
    CHECK(fabs(off) <= 3 * sqrt(ulps) + 1, "%s, shape %s: %s: rounding leans by %g of %g", op, shape->name,
          what, off, ulps);
    free(got);
}

static void check_adamw_bf16(size_t n, bool master)
{
    struct array theta = f32_new(n, 1), work = act_new(n, 1), g = f32_new(n, 2);
    struct array m = array_new(n, DTYPE_BF16, 1), v = squares_new(n, DTYPE_BF16);
    float *mean = widened(m), *square = widened(v), *weights = widened(master ? theta : work);
    cpu->adamw_step(cpu_device, weights, NULL, mean, square, g.host, n, adamw);
    cuda_adamw_step_bf16(NULL, act, master ? theta.device : NULL, work.device, m.device, v.device, g.device,
                         n, adamw, 17, 5);
    check_rounded("m", m, mean);
    check_rounded("v", v, square);
    if (master) {
        memcpy(theta.host, weights, n * sizeof *weights);
        array_check("theta", theta, 0, 1e-5);
        cpu->to_act(cpu_device, work.host, weights, n);
        array_check("work", work, 0, 1e-5);
    } else if (act == DTYPE_BF16) {
        check_rounded("weights", work, weights);
    }
    free(mean);
    free(square);
    free(weights);
}

void test_adamw(void)
{
    size_t n = length();
    test_start("adamw");
    struct array theta = f32_new(n, 1), work = act_new(n, 1), m = f32_new(n, 1),
                 v = squares_new(n, DTYPE_F32), g = f32_new(n, 2);
    bool same = act == DTYPE_F32;
    cpu->adamw_step(cpu_device, theta.host, same ? theta.host : work.host, m.host, v.host, g.host, n, adamw);
    cuda_adamw_step(NULL, act, theta.device, same ? theta.device : work.device, m.device, v.device, g.device,
                    n, adamw);
    array_check("theta", theta, 0, 1e-6);
    array_check("m", m, 0, 1e-6);
    array_check("v", v, 0, 1e-6);
    array_check("work", work, 0, 1e-6);
    check_adamw_bf16(n, true);
    check_adamw_bf16(n, false);
    test_end();
}

void test_swiglu(void)
{
    int N = shape->B * shape->T, F = shape->F;
    size_t n = (size_t)N * (size_t)F;
    test_start("swiglu");
    struct array gate_up = act_new(2 * n, 6), y = act_new(n, 1), dy = act_new(n, 1), d = act_new(2 * n, 1);
    cpu->swiglu_forward(cpu_device, y.host, gate_up.host, N, F);
    cuda_swiglu_forward(NULL, act, y.device, gate_up.device, N, F);
    array_check("y", y, 0, 1e-6);
    cpu->swiglu_backward(cpu_device, d.host, dy.host, gate_up.host, N, F);
    cuda_swiglu_backward(NULL, act, d.device, dy.device, gate_up.device, N, F);
    array_check("dgate_up", d, 0, 1e-6);
    test_end();
}

void test_cross_entropy(void)
{
    int N = shape->B * shape->T < 20 ? shape->B * shape->T : 20, V = shape->V;
    test_start("cross_entropy");
    struct array l = act_new((size_t)N * (size_t)V, 8), loss = f32_new((size_t)N, 1),
                 targets = ids_new((size_t)N, V);
    if (N > 2)
        ((int32_t *)targets.host)[1] = -1;
    array_send(targets);
    cpu->cross_entropy(cpu_device, loss.host, l.host, targets.host, N, V, 0);
    cuda_cross_entropy(NULL, act, loss.device, l.device, targets.device, N, V, 0);
    array_check("loss", loss, 0, 2e-6);
    array_check("logits, which must stay", l, 0, 0);
    cpu->cross_entropy(cpu_device, loss.host, l.host, targets.host, N, V, 0.3f);
    cuda_cross_entropy(NULL, act, loss.device, l.device, targets.device, N, V, 0.3f);
    array_check("loss", loss, 0, 2e-6);
    array_check("dlogits", l, 2e-5, 1e-6);
    test_end();
}
