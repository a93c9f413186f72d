/*
 * weights.c - allocates and initialises a model's weights
 */
#include "pipeline/model/transformer.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "formats/safetensors.h"
#include "pipeline/lib/random.h"

enum {
    CHUNK = 1 << 18
}; /* floats uploaded to the device at a time: a buffer for a whole embedding would double it for a moment */

/* Row p holds cos(p*w_i), then sin(p*w_i). Angles are rounded to f32 as Transformers rounds them. */
static int upload_rope(struct weights *w)
{
    size_t T = (size_t)w->c.T, D = (size_t)w->c.D, half = D / 2;
    float *host = malloc(T * D * sizeof *host);
    if (!host)
        return -1;
    for (size_t i = 0; i < half; i++) {
        float freq = model_rope_frequency(&w->c, (int)i);
        for (size_t p = 0; p < T; p++) {
            float angle = (float)p * freq;
            host[p * D + i] = (float)cos((double)angle);
            host[p * D + half + i] = (float)sin((double)angle);
        }
    }
    w->ops->upload(w->dev, w->rope, host, T * D * sizeof *host);
    free(host);
    return 0;
}

size_t weights_bytes(const struct params *layout, const struct model_config *c, enum dtype act,
                     bool bf16_alone)
{
    size_t n = layout->total, rope = (size_t)c->T * (size_t)c->D * sizeof(float);
    if (bf16_alone)
        return rope + n * dtype_bytes(DTYPE_BF16) + layout->gains * sizeof(float);
    return rope + n * sizeof(float) + (act == DTYPE_F32 ? 0 : n * dtype_bytes(act));
}

/* theta, work: where the weights are; NULL when they are to be allocated. */
static int allocate(struct weights *w, const struct ops *ops, struct device *dev, enum dtype act,
                    const struct model_config *c, bool bf16_alone, float *theta, void *work, char *err,
                    size_t cap)
{
    *w = (struct weights){.ops = ops, .dev = dev, .c = *c, .act = act, .depth = c->L};
    size_t need = 0;
    if (ops->widest_head && c->D > ops->widest_head) {
        snprintf(err, cap, "head_dim: %d, but attention on %s takes %d at most (on the CPU any)", c->D,
                 ops->name, ops->widest_head);
        weights_free(w);
        return -1;
    }
    if (params_layout(&w->layout, c) == 0) {
        size_t n = w->layout.total;
        need = weights_bytes(&w->layout, c, act, bf16_alone);
        if (bf16_alone)
            w->gains = ops->alloc(dev, w->layout.gains * sizeof(float));
        else
            w->theta = theta ? theta : ops->alloc(dev, n * sizeof(float));
        w->work = work ? work : act == DTYPE_F32 ? w->theta : ops->alloc(dev, n * dtype_bytes(act));
        w->rope = ops->alloc(dev, (size_t)c->T * (size_t)c->D * sizeof(float));
    }
    if ((bf16_alone ? w->gains : w->theta) && w->work && w->rope && upload_rope(w) == 0)
        return 0;
    snprintf(err, cap, "no memory for %llu weights (%.1f MB)", (unsigned long long)model_params(c),
             (double)need / 1e6);
    w->theta = theta ? NULL : w->theta;
    w->work = work ? NULL : w->work;
    weights_free(w);
    return -1;
}

int weights_alloc(struct weights *w, const struct ops *ops, struct device *dev, enum dtype act,
                  const struct model_config *c, char *err, size_t cap)
{
    return allocate(w, ops, dev, act, c, false, NULL, NULL, err, cap);
}

int weights_alloc_bf16(struct weights *w, const struct ops *ops, struct device *dev,
                       const struct model_config *c, char *err, size_t cap)
{
    return allocate(w, ops, dev, DTYPE_BF16, c, true, NULL, NULL, err, cap);
}

int weights_alloc_around(struct weights *w, const struct ops *ops, struct device *dev, enum dtype act,
                         const struct model_config *c, float *theta, void *work, char *err, size_t cap)
{
    return allocate(w, ops, dev, act, c, !theta, theta, work, err, cap);
}

void weights_settle(struct weights *w)
{
    size_t bytes = w->layout.total * dtype_bytes(w->act);
    void *copy = w->map ? w->ops->alloc(w->dev, bytes) : NULL;
    if (!copy)
        return;
    w->ops->upload(w->dev, copy, w->work, bytes);
    w->theta = w->theta ? copy : NULL;
    w->work = copy;
    munmap(w->map, w->map_bytes);
    w->map = NULL;
}

static void free_arrays(struct weights *w)
{
    if (w->map) {
        munmap(w->map, w->map_bytes);
    } else {
        if (w->work != w->theta)
            w->ops->free(w->dev, w->work);
        w->ops->free(w->dev, w->theta);
    }
    w->map = w->work = w->theta = NULL;
}

int weights_quantise(struct weights *w, char *err, size_t cap)
{
    size_t bytes = w->layout.total + w->layout.matrix_rows * sizeof *w->scales;
    assert(w->work && !w->theta);
    if (!w->ops->quantise_int8) {
        snprintf(err, cap, "%s has no products with weights in int8 (the CPU has)", w->ops->name);
        return -1;
    }
    w->q = w->ops->alloc(w->dev, w->layout.total);
    w->scales = w->ops->alloc(w->dev, w->layout.matrix_rows * sizeof *w->scales);
    if (!w->q || !w->scales) {
        snprintf(err, cap, "no memory for the weights in int8 (%.1f MB)", (double)bytes / 1e6);
        return -1;
    }
    for (size_t i = 0; i < w->layout.count; i++) {
        const struct param *p = &w->layout.v[i];
        if (param_is_matrix(p))
            w->ops->quantise_int8(w->dev, w->q + p->offset, w->scales + p->first_row,
                                  (const uint16_t *)w->work + p->offset, p->rows, p->cols);
    }
    free_arrays(w);
    return 0;
}

void weights_free(struct weights *w)
{
    if (!w->ops)
        return;
    free_arrays(w);
    w->ops->free(w->dev, w->q);
    w->ops->free(w->dev, w->scales);
    w->ops->free(w->dev, w->gains);
    w->ops->free(w->dev, w->rope);
    params_free(&w->layout);
    *w = (struct weights){0};
}

struct weight_array weights_array(const struct weights *w)
{
    return w->theta ? (struct weight_array){.p = w->theta} : (struct weight_array){w->work, true, w->gains};
}

/* Returns where element `from` of a parameter is; *half: it is stored in bf16. */
static void *place(struct weight_array f, const struct param *p, size_t from, bool *half)
{
    *half = f.bf16 && (!f.gains || param_is_matrix(p));
    if (f.bf16 && !*half)
        return f.gains + p->gain_offset + from;
    return (char *)f.p + (p->offset + from) * (f.bf16 ? 2 : sizeof(float));
}

void weight_array_get(const struct weights *w, struct weight_array f, const struct param *p, size_t from,
                      size_t n, float *host)
{
    bool half;
    const void *src = place(f, p, from, &half);
    w->ops->download(w->dev, host, src, n * (half ? 2 : sizeof *host));
    for (size_t i = half ? n : 0; i-- > 0;) { /* widened in place, from the end backwards */
        uint16_t h;
        memcpy(&h, (const uint16_t *)host + i, sizeof h);
        uint32_t bits = (uint32_t)h << 16;
        memcpy(host + i, &bits, sizeof bits);
    }
}

void weight_array_put(const struct weights *w, struct weight_array f, const struct param *p, size_t from,
                      size_t n, float *host)
{
    bool half;
    void *dst = place(f, p, from, &half);
    for (size_t i = 0; half && i < n; i++) { /* rounded to nearest even, in place */
        uint16_t h = bf16_from_f32(host[i]);
        memcpy((uint16_t *)host + i, &h, sizeof h);
    }
    w->ops->upload(w->dev, dst, host, n * (half ? 2 : sizeof *host));
}

/* Computes elements i (even) and i+1 of the tensor with this key: a pure function, so threads and order do
 * not matter. */
static void normal_pair(uint64_t key, uint64_t i, float sd, float out[2])
{
    uint64_t r = mix64(key + (i / 2 + 1) * RANDOM_GAMMA);
    float u = (float)((r >> 40) + 1) * 0x1p-24f;       /* (0, 1] */
    float v = (float)((r >> 8) & 0xffffff) * 0x1p-24f; /* [0, 1) */
    float radius = sd * sqrtf(-2 * logf(u)), angle = 6.2831853f * v;
    out[0] = radius * cosf(angle);
    out[1] = radius * sinf(angle);
}

/* Fills in elements from (even) .. from+n of the tensor. */
static void fill(float *x, size_t from, size_t n, uint64_t key, float sd)
{
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i += 2) {
        float pair[2];
        normal_pair(key, from + i, sd, pair);
        memcpy(x + i, pair, (i + 1 < n ? 2 : 1) * sizeof *x);
    }
}

static uint64_t key_of(uint64_t seed, const char *name)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 0x100000001b3u;
    return mix64(mix64(seed) ^ h);
}

/* Returns the standard deviation of a matrix's initial values. 0.8 and 0.001 are nanochat's, tuned there. */
static float first_deviation(const struct weights *w, const struct param *p)
{
    bool into_stream = p->kind == PARAM_O || p->kind == PARAM_DOWN;
    if (w->init == INIT_SMALL)
        return into_stream ? 0.02f / sqrtf(2 * (float)w->c.L) : 0.02f;
    if (p->kind == PARAM_EMBED)
        return 0.8f;
    if (p->kind == PARAM_HEAD)
        return 0.001f;
    return into_stream ? 0 : 1 / sqrtf((float)p->cols);
}

static void init_param(struct weights *w, const struct param *p, uint64_t seed, float *host)
{
    float sd = first_deviation(w, p);
    uint64_t key = key_of(seed, p->name);
    for (size_t from = 0; from < p->n; from += CHUNK) {
        size_t n = p->n - from < CHUNK ? p->n - from : CHUNK;
        if (param_is_matrix(p))
            fill(host, from, n, key, sd);
        else
            for (size_t k = 0; k < n; k++)
                host[k] = param_is_bias(p) ? 0 : 1;
        weight_array_put(w, weights_array(w), p, from, n, host);
    }
}

int weights_init(struct weights *w, uint64_t seed)
{
    float *host = malloc(CHUNK * sizeof *host);
    if (!host)
        return -1;
    for (size_t i = 0; i < w->layout.count; i++)
        init_param(w, &w->layout.v[i], seed, host);
    free(host);
    weights_publish(w);
    return 0;
}

int weights_silence(struct weights *w, int from)
{
    float *zeros = malloc(CHUNK * sizeof *zeros);
    if (!zeros)
        return -1;
    for (size_t i = 0; i < w->layout.count; i++) {
        const struct param *p = &w->layout.v[i];
        if (p->layer < from || (p->kind != PARAM_O && p->kind != PARAM_DOWN))
            continue;
        for (size_t at = 0; at < p->n; at += CHUNK) {
            size_t n = p->n - at < CHUNK ? p->n - at : CHUNK;
            memset(zeros, 0, n * sizeof *zeros); /* weight_array_put may have changed it */
            weight_array_put(w, weights_array(w), p, at, n, zeros);
        }
    }
    free(zeros);
    weights_publish(w);
    return 0;
}

size_t weights_held(const struct weights *w)
{
    return w->held > 0 ? params_find(&w->layout, PARAM_NORM_ATTN, w->held)->offset : 0;
}

void weights_publish(struct weights *w)
{
    if (w->theta && w->work != w->theta)
        w->ops->to_act(w->dev, w->work, w->theta, w->layout.total);
}
