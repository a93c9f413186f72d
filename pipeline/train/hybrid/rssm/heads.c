#include "pipeline/train/hybrid/rssm/heads.h"

#include <string.h>

void heads_layout(struct heads *d, const struct rssm_config *c, size_t *next)
{
    int M = c->members, hz = c->n_h + c->n_z;
    d->groups = c->groups;
    d->k = c->k;
    d->members = M;
    linear_layout(&d->state, 1, hz, M * c->head_hidden, 1, next);
    linear_layout(&d->phi, 1, c->n_phi, M * c->head_hidden, 0, next);
    linear_layout(&d->out, M, c->head_hidden, c->k, 1, next);
    linear_layout(&d->dl.first, 1, hz + c->n_u, M * c->dl_hidden, 1, next);
    linear_layout(&d->dl.second, M, c->dl_hidden, 2, 1, next);
}

void heads_groups(const struct heads *d, const real *w, struct heads_cache *k, const real *hz,
                  const real *phi, int n)
{
    size_t width = (size_t)d->state.out, G = (size_t)d->groups;
    linear_forward(&d->state, w, k->shared, hz, n);
    for (size_t r = 0; r < (size_t)n; r++)
        for (size_t g = 0; g < G; g++)
            memcpy(k->act + (r * G + g) * width, k->shared + r * width, width * sizeof(real));
    linear_add(&d->phi, w, k->act, phi, n * d->groups);
    silu_forward(k->act, k->sig, (size_t)n * G * width);
    linear_forward(&d->out, w, k->raw, k->act, n * d->groups);
}

void heads_change(const struct heads *d, const real *w, struct heads_cache *k, const real *hzu, int n)
{
    mlp_forward(&d->dl, w, k->dl_raw, hzu, k->dl_act, k->dl_sig, n);
}

void heads_backward(const struct heads *d, const real *w, real *g, struct heads_cache *k, const real *draw,
                    const real *ddl_raw, const real *hz, const real *hzu, const real *phi, real *dhz,
                    real *dhzu, real *scratch, int n)
{
    size_t width = (size_t)d->state.out, G = (size_t)d->groups;
    mlp_backward(&d->dl, w, g, dhzu, ddl_raw, hzu, k->dl_act, k->dl_sig, scratch, n);

    memset(scratch, 0, (size_t)n * G * width * sizeof(real));
    linear_backward_input(&d->out, w, scratch, draw, n * d->groups);
    linear_backward_weight(&d->out, g, draw, k->act, n * d->groups);
    silu_backward(scratch, k->act, k->sig, (size_t)n * G * width);
    linear_backward_weight(&d->phi, g, scratch, phi, n * d->groups);
    memset(k->shared, 0, (size_t)n * width * sizeof(real));
    for (size_t r = 0; r < (size_t)n; r++)
        for (size_t i = 0; i < G; i++)
            for (size_t j = 0; j < width; j++)
                k->shared[r * width + j] += scratch[(r * G + i) * width + j];
    linear_backward_weight(&d->state, g, k->shared, hz, n);
    linear_backward_input(&d->state, w, dhz, k->shared, n);
}

real heads_coefficient(real a0, real raw)
{
    return a0 + HEADS_REACH * real_tanh(raw);
}

real heads_log_variance(real raw)
{
    return HEADS_LOG_VARIANCE * real_tanh(raw / HEADS_LOG_VARIANCE);
}
