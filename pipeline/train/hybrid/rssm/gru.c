#include "pipeline/train/hybrid/rssm/gru.h"

void gru_layout(struct gru *u, int in, int width, size_t *next)
{
    u->width = width;
    linear_layout(&u->input, 1, in, 3 * width, 1, next);
    linear_layout(&u->hidden, 1, width, 3 * width, 1, next);
}

void gru_forward(const struct gru *u, const real *w, real *next, const real *x, const real *h, real *gx,
                 real *gh, int n)
{
    size_t H = (size_t)u->width;
    linear_forward(&u->input, w, gx, x, n);
    linear_forward(&u->hidden, w, gh, h, n);
    for (int row = 0; row < n; row++, next += H, h += H, gx += 3 * H, gh += 3 * H)
        for (size_t i = 0; i < H; i++) {
            gx[i] = real_sigmoid(gx[i] + gh[i]);
            gx[H + i] = real_sigmoid(gx[H + i] + gh[H + i]);
            gx[2 * H + i] = real_tanh(gx[2 * H + i] + gx[i] * gh[2 * H + i]);
            next[i] = (1 - gx[H + i]) * gx[2 * H + i] + gx[H + i] * h[i];
        }
}

void gru_backward_input(const struct gru *u, const real *w, real *dx, real *dh, const real *dnext,
                        const real *h, real *gx, real *gh, int n)
{
    size_t H = (size_t)u->width;
    for (int row = 0; row < n; row++) {
        real *x = gx + (size_t)row * 3 * H, *y = gh + (size_t)row * 3 * H;
        for (size_t i = 0; i < H; i++) {
            real d = dnext[(size_t)row * H + i], r = x[i], s = x[H + i], m = x[2 * H + i];
            real dn = d * (1 - s) * (1 - m * m);
            dh[(size_t)row * H + i] += d * s;
            x[i] = dn * y[2 * H + i] * r * (1 - r);
            x[H + i] = d * (h[(size_t)row * H + i] - m) * s * (1 - s);
            x[2 * H + i] = dn;
            y[i] = x[i];
            y[H + i] = x[H + i];
            y[2 * H + i] = dn * r;
        }
    }
    linear_backward_input(&u->input, w, dx, gx, n);
    linear_backward_input(&u->hidden, w, dh, gh, n);
}

void gru_backward_weight(const struct gru *u, real *g, const real *x, const real *h, const real *gx,
                         const real *gh, int n)
{
    linear_backward_weight(&u->input, g, gx, x, n);
    linear_backward_weight(&u->hidden, g, gh, h, n);
}
