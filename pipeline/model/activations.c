/*
 * activations.c - lays the buffers out, by one function that gives both their size and their addresses
 */
#include "pipeline/model/activations.h"

#include <stdio.h>
#include <stdlib.h>

/* Libraries choose matrix products by alignment: equal alignment in every layer and mode gives equal
 * algorithms, so equal bits. */
enum { ALIGN = 256 };

/* Reserves n aligned elements at *used. With base NULL it only counts. */
static void *take(char *base, size_t *used, size_t n, size_t element_bytes)
{
    void *p = base ? base + *used : NULL;
    *used += (n * element_bytes + ALIGN - 1) / ALIGN * ALIGN;
    return p;
}

/* Lays out one layer. In ACT_RECOMPUTE the caller sets `in`, which lies elsewhere for each layer. */
static size_t carve_layer(struct layer_acts *l, char *base, const struct model_config *c, size_t e, size_t N,
                          enum activations_mode mode)
{
    bool train = mode != ACT_FORWARD;
    size_t used = 0, C = (size_t)c->C, D = (size_t)c->D, H = (size_t)c->H, Hkv = (size_t)c->Hkv,
           F = (size_t)c->F;
    l->in = mode == ACT_RECOMPUTE ? NULL : take(base, &used, N * C, e);
    l->norm_attn = take(base, &used, N * C, e);
    l->qkv = take(base, &used, N * (H + 2 * Hkv) * D, e);
    l->qk = take(base, &used, N * (H + Hkv) * D, e);
    l->att = take(base, &used, N * H * D, e);
    l->mid = train ? take(base, &used, N * C, e) : l->in;
    l->norm_mlp = train ? take(base, &used, N * C, e) : l->norm_attn;
    l->gate_up = take(base, &used, N * 2 * F, e);
    l->hidden = take(base, &used, N * F, e);
    l->rstd_attn = take(base, &used, N, sizeof(float));
    l->rstd_qk = take(base, &used, N * (H + Hkv), sizeof(float));
    l->lse = take(base, &used, N * H, sizeof(float));
    l->rstd_mlp = take(base, &used, N, sizeof(float));
    return used;
}

static size_t carve_backward(struct activations *a, char *base, const struct model_config *c, size_t e,
                             size_t N)
{
    size_t used = 0, mlp, attention, D = (size_t)c->D, H = (size_t)c->H, Hkv = (size_t)c->Hkv,
           F = (size_t)c->F;
    a->dx = take(base, &used, N * (size_t)c->C, e);
    mlp = attention = used;
    a->dgate_up = take(base, &mlp, N * 2 * F, e);
    a->dhidden = take(base, &mlp, N * F, e);
    a->dqkv = take(base, &attention, N * (H + 2 * Hkv) * D, e);
    a->dqk = take(base, &attention, N * (H + Hkv) * D, e);
    a->datt = take(base, &attention, N * H * D, e);
    return mlp > attention ? mlp : attention;
}

static size_t carve(struct activations *a, char *base, const struct model_config *c, enum dtype act)
{
    size_t used = 0, e = dtype_bytes(act), N = a->N, C = (size_t)c->C;
    struct layer_acts unused;
    a->layer_bytes = carve_layer(&unused, NULL, c, e, N, a->mode);
    a->layers = take(base, &used, a->mode == ACT_TRAIN ? (size_t)a->depth : 1, a->layer_bytes);
    a->input_bytes = (N * C * e + ALIGN - 1) / ALIGN * ALIGN;
    a->inputs = a->mode == ACT_RECOMPUTE ? take(base, &used, (size_t)a->depth, a->input_bytes) : NULL;
    a->last = take(base, &used, N * C, e);
    a->norm_last = take(base, &used, N * C, e);
    a->rstd_last = take(base, &used, N, sizeof(float));
    a->delta = take(base, &used, N * C, e);
    if (a->mode != ACT_FORWARD)
        used += carve_backward(a, base ? base + used : NULL, c, e, N);
    a->logits = take(base, &used, a->logit_rows * (size_t)c->V, e);
    a->loss = take(base, &used, N, sizeof(float));
    a->ids = take(base, &used, 4 * N, sizeof(int32_t));
    a->positions = base ? a->ids + N : NULL;
    a->targets = base ? a->ids + 2 * N : NULL;
    a->first = base ? a->ids + 3 * N : NULL;
    return used;
}

/* The logits of a whole micro-batch would be the largest buffer of all (V = 65,536: 128 KB a token), so only
 * some rows are held at once. */
static size_t default_logit_rows(const struct ops *ops, const struct model_config *c, enum dtype act,
                                 size_t N)
{
    size_t rows = ops->logit_bytes / ((size_t)c->V * dtype_bytes(act));
    return rows == 0 ? 1 : rows < N ? rows : N;
}

size_t activations_bytes(const struct ops *ops, const struct model_config *c, enum dtype act, int B, int T,
                         enum activations_mode mode)
{
    struct activations a = {.N = (size_t)B * (size_t)T, .mode = mode, .depth = c->L};
    a.logit_rows = default_logit_rows(ops, c, act, a.N);
    return carve(&a, NULL, c, act);
}

size_t model_scratch_bytes(const struct ops *ops, struct device *dev, const struct model_config *c,
                           enum dtype act, int B, int T)
{
    size_t N = (size_t)B * (size_t)T, C = (size_t)c->C, V = (size_t)c->V, x = N * C;
    size_t logits = default_logit_rows(ops, c, act, N) * V, w = V * C;
    size_t widths[] = {(size_t)(c->H + 2 * c->Hkv) * (size_t)c->D,
                       2 * (size_t)c->F}; /* the widest products */
    for (int i = 0; i < 2; i++) {
        x = N * widths[i] > x ? N * widths[i] : x;
        w = C * widths[i] > w ? C * widths[i] : w;
        x = C * widths[i] > x ? C * widths[i] : x; /* Muon multiplies matrices of weights with each other */
    }
    struct step_extent e = {
        .x = logits > x ? logits : x,
        .w = w,
        .weights = model_params(c) + 16 * 16 * (size_t)c->L,
        .C = c->C,
        .s = {B, T, c->H, c->Hkv, c->D}}; /* weights: the parameters and room for their alignment */
    return ops->scratch_limit(dev, &e);
}

struct activations *activations_new(const struct weights *w, int B, int T, enum activations_mode mode,
                                    size_t logit_rows, char *err, size_t cap)
{
    if (B < 1 || T < 1 || T > w->c.T || (int64_t)B * T > INT32_MAX / 16) {
        snprintf(err, cap, "%d sequences of %d tokens: the model's context is %d", B, T, w->c.T);
        return NULL;
    }
    if (B > UINT16_MAX) {
        snprintf(err, cap, "%d sequences at once, the most is %d", B, UINT16_MAX);
        return NULL;
    }
    struct activations *a = calloc(1, sizeof *a);
    size_t bytes = 0;
    if (a) {
        a->w = w;
        a->N = (size_t)B * (size_t)T;
        a->mode = mode;
        a->depth = w->depth;
        a->logit_rows = logit_rows ? logit_rows : default_logit_rows(w->ops, &w->c, w->act, a->N);
        bytes = carve(a, NULL, &w->c, w->act);
        a->base = w->ops->alloc(w->dev, bytes);
        a->host = calloc(4 * a->N, sizeof *a->host);
    }
    if (!a || !a->base || !a->host) {
        snprintf(err, cap, "no memory for the activations of %d x %d tokens (%.1f MB)", B, T,
                 (double)bytes / 1e6);
        activations_free(a);
        return NULL;
    }
    carve(a, a->base, &w->c, w->act);
    return a;
}

struct activations *activations_alloc(const struct weights *w, int B, int T, enum activations_mode mode,
                                      char *err, size_t cap)
{
    return activations_new(w, B, T, mode, 0, err, cap);
}

void activations_free(struct activations *a)
{
    if (!a)
        return;
    if (a->base)
        a->w->ops->free(a->w->dev, a->base);
    free(a->host);
    free(a);
}

struct layer_acts activations_layer(const struct activations *a, int l)
{
    struct layer_acts out;
    char *base = a->layers + (a->mode == ACT_TRAIN ? (size_t)l * a->layer_bytes : 0);
    carve_layer(&out, base, &a->w->c, dtype_bytes(a->w->act), a->N, a->mode);
    if (a->mode == ACT_RECOMPUTE)
        out.in = a->inputs + (size_t)l * a->input_bytes;
    return out;
}

void activations_watch(struct activations *a, struct pass_watch watch)
{
    a->watch = watch;
}

void activations_reached(const struct activations *a, enum pass_point point, int layer)
{
    if (a->watch.reached)
        a->watch.reached(a->watch.arg, point, layer);
}

size_t pass_complete(const struct weights *w, int layer)
{
    if (layer < 0)
        return 0;
    return params_find(&w->layout, layer < w->c.L ? PARAM_NORM_ATTN : PARAM_NORM_FINAL,
                       layer < w->c.L ? layer : -1)
        ->offset;
}
