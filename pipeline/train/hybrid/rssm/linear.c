#include "pipeline/train/hybrid/rssm/linear.h"

#include <string.h>

/* 16 bytes: what every x86-64 has; a sum is split over lanes in the same way everywhere, so bits do not
 * depend on the machine */
typedef real lanes __attribute__((vector_size(16), aligned(sizeof(real)), may_alias));
enum { LANES = 16 / sizeof(real) };

void linear_layout(struct linear *l, int groups, int in, int out, int bias, size_t *next)
{
    *l = (struct linear){groups, in, out, *next, LINEAR_NO_BIAS};
    *next += (size_t)groups * (size_t)in * (size_t)out;
    if (!bias)
        return;
    l->b = *next;
    *next += (size_t)groups * (size_t)out;
}

/* y += x0 a + x1 b + x2 c + x3 d: four at once, since y's loads and stores are what a plain axpy waits for */
static void axpy4(real *restrict y, const real *a, size_t stride, const real x[4], int n)
{
    const real *b = a + stride, *c = b + stride, *d = c + stride;
    int j = 0;
    for (; j + LANES <= n; j += LANES)
        *(lanes *)(y + j) += x[0] * *(const lanes *)(a + j) + x[1] * *(const lanes *)(b + j) +
                             (x[2] * *(const lanes *)(c + j) + x[3] * *(const lanes *)(d + j));
    for (; j < n; j++)
        y[j] += x[0] * a[j] + x[1] * b[j] + (x[2] * c[j] + x[3] * d[j]);
}

static void axpy1(real *restrict y, const real *a, real x, int n)
{
    for (int j = 0; j < n; j++)
        y[j] += x * a[j];
}

static real dot(const real *a, const real *b, int n)
{
    lanes s = {0}, t = {0};
    int j = 0;
    for (; j + 2 * LANES <= n; j += 2 * LANES) {
        s += *(const lanes *)(a + j) * *(const lanes *)(b + j);
        t += *(const lanes *)(a + j + LANES) * *(const lanes *)(b + j + LANES);
    }
    s += t;
    real sum = 0;
    for (size_t i = 0; i < LANES; i++)
        sum += s[i];
    for (; j < n; j++)
        sum += a[j] * b[j];
    return sum;
}

void linear_add(const struct linear *l, const real *w, real *y, const real *x, int n)
{
    size_t in = (size_t)l->in, out = (size_t)l->out;
    for (int r = 0; r < n; r++)
        for (int q = 0; q < l->groups; q++) {
            const real *m = w + l->w + (size_t)q * in * out;
            int i = 0;
            for (; i + 4 <= l->in; i += 4)
                axpy4(y, m + (size_t)i * out, out, x + i, l->out);
            for (; i < l->in; i++)
                axpy1(y, m + (size_t)i * out, x[i], l->out);
            y += out;
            x += in;
        }
}

void linear_forward(const struct linear *l, const real *w, real *y, const real *x, int n)
{
    size_t width = (size_t)(l->groups * l->out);
    for (int r = 0; r < n; r++)
        memcpy(y + (size_t)r * width, w + l->b, width * sizeof *y);
    linear_add(l, w, y, x, n);
}

void linear_backward_input(const struct linear *l, const real *w, real *dx, const real *dy, int n)
{
    size_t in = (size_t)l->in, out = (size_t)l->out;
    for (int r = 0; r < n; r++)
        for (int q = 0; q < l->groups; q++) {
            const real *m = w + l->w + (size_t)q * in * out;
            for (int i = 0; i < l->in; i++)
                dx[i] += dot(m + (size_t)i * out, dy, l->out);
            dy += out;
            dx += in;
        }
}

void linear_backward_weight(const struct linear *l, real *g, const real *dy, const real *x, int n)
{
    size_t xs = (size_t)(l->groups * l->in), ys = (size_t)(l->groups * l->out);
    for (size_t i = 0; i < xs; i++) {
        real *gi = g + l->w + i * (size_t)l->out;
        const real *d = dy + i / (size_t)l->in * (size_t)l->out;
        int r = 0;
        for (; r + 4 <= n; r += 4) {
            const real *p = x + (size_t)r * xs + i;
            axpy4(gi, d + (size_t)r * ys, ys, (real[4]){p[0], p[xs], p[2 * xs], p[3 * xs]}, l->out);
        }
        for (; r < n; r++)
            axpy1(gi, d + (size_t)r * ys, x[(size_t)r * xs + i], l->out);
    }
    if (l->b != LINEAR_NO_BIAS)
        for (int r = 0; r < n; r++)
            axpy1(g + l->b, dy + (size_t)r * ys, 1, (int)ys);
}

void silu_forward(real *a, real *sig, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sig[i] = real_sigmoid(a[i]);
        a[i] *= sig[i];
    }
}

void silu_backward(real *d, const real *act, const real *sig, size_t n)
{
    for (size_t i = 0; i < n; i++)
        d[i] *= sig[i] + act[i] * (1 - sig[i]);
}

void mlp_forward(const struct mlp *m, const real *w, real *y, const real *x, real *act, real *sig, int n)
{
    linear_forward(&m->first, w, act, x, n);
    silu_forward(act, sig, (size_t)n * (size_t)(m->first.groups * m->first.out));
    linear_forward(&m->second, w, y, act, n);
}

void mlp_backward(const struct mlp *m, const real *w, real *g, real *dx, const real *dy, const real *x,
                  const real *act, const real *sig, real *scratch, int n)
{
    size_t hidden = (size_t)n * (size_t)(m->first.groups * m->first.out);
    memset(scratch, 0, hidden * sizeof *scratch);
    linear_backward_input(&m->second, w, scratch, dy, n);
    linear_backward_weight(&m->second, g, dy, act, n);
    silu_backward(scratch, act, sig, hidden);
    linear_backward_weight(&m->first, g, scratch, x, n);
    if (dx)
        linear_backward_input(&m->first, w, dx, scratch, n);
}
