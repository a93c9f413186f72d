/*
 * forward.c - the layers, in order. Each sublayer's output waits in `delta` until the next norm adds it.
 */
#include "pipeline/model/forward.h"

#include <assert.h>
#include <string.h>

const void *weight(const struct weights *w, enum param_kind kind, int layer)
{
    return (const char *)w->work + params_find(&w->layout, kind, layer)->offset * dtype_bytes(w->act);
}

const float *gain(const struct weights *w, enum param_kind kind, int layer)
{
    const struct param *p = params_find(&w->layout, kind, layer);
    return w->theta ? w->theta + p->offset : w->gains + p->gain_offset;
}

static enum param_kind output_kind(const struct weights *w)
{
    return w->c.tied ? PARAM_EMBED : PARAM_HEAD;
}

const void *output_matrix(const struct weights *w)
{
    return weight(w, output_kind(w), -1);
}

static void multiply_int8(const struct weights *w, void *y, const void *x, enum param_kind kind, int layer,
                          int N, int I, int O)
{
    const struct param *p = params_find(&w->layout, kind, layer);
    w->ops->linear_int8_forward(w->dev, y, x, w->q + p->offset, w->scales + p->first_row, N, I, O);
}

void multiply(const struct weights *w, void *y, const void *x, enum param_kind kind, int layer, int N, int I,
              int O)
{
    if (w->q)
        multiply_int8(w, y, x, kind, layer, N, I, O);
    else
        w->ops->linear_maybe_fp8_forward(w->dev, y, x, weight(w, kind, layer), N, I, O);
}

void output_logits(const struct weights *w, void *logits, const void *x, int N)
{
    if (w->q)
        multiply_int8(w, logits, x, output_kind(w), -1, N, w->c.C, w->c.V);
    else
        w->ops->linear_forward(w->dev, logits, x, output_matrix(w), N, w->c.C, w->c.V);
}

static void embed(const struct weights *w, void *x, const int32_t *ids, int N)
{
    if (w->q) /* the embedding is the first of all parameters */
        w->ops->embedding_int8_forward(w->dev, x, w->q, w->scales, ids, N, w->c.C);
    else
        w->ops->embedding_forward(w->dev, x, weight(w, PARAM_EMBED, -1), ids, N, w->c.C);
}

uint64_t replay_key(const uint64_t *words, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < 8 * n; i++)
        h = (h ^ (words[i / 8] >> i % 8 * 8 & 0xff)) * 0x100000001b3u;
    return h;
}

struct qk_norm_rope qk_norm_rope_inputs(const struct weights *w, const struct activations *a,
                                        const struct layer_acts *s, int l, int N)
{
    bool normed = model_has_qk_norm(&w->c);
    return (struct qk_norm_rope){.qkv = s->qkv,
                                 .gq = normed ? gain(w, PARAM_NORM_Q, l) : NULL,
                                 .gk = normed ? gain(w, PARAM_NORM_K, l) : NULL,
                                 .rope = w->rope,
                                 .positions = a->positions,
                                 .N = N,
                                 .H = w->c.H,
                                 .Hkv = w->c.Hkv,
                                 .D = w->c.D};
}

struct attention attention_inputs(const struct weights *w, const struct activations *a,
                                  const struct layer_acts *s, int B, int T, bool masked)
{
    return (struct attention){
        .qk = s->qk, .qkv = s->qkv, .first = masked ? a->first : NULL, .s = {B, T, w->c.H, w->c.Hkv, w->c.D}};
}

static void attend(const struct weights *w, const struct activations *a, const struct layer_acts *s, int l,
                   int B, int T, bool masked, struct kv_cache *kv)
{
    const struct model_config *c = &w->c;
    if (!kv) {
        struct attention in = attention_inputs(w, a, s, B, T, masked);
        w->ops->attention_forward(w->dev, s->att, s->lse, &in);
        return;
    }
    size_t head = (size_t)c->D * dtype_bytes(w->act), rows = (size_t)T * head,
           bytes = (size_t)kv->T_max * (size_t)c->Hkv * head;
    for (size_t b = 0; b < (size_t)kv->n_fed; b++) {
        char *k = kv->base + 2 * ((size_t)kv->fed[b] * (size_t)c->L + (size_t)l) * bytes, *v = k + bytes;
        const int32_t *past = a->positions + b * (size_t)T;
        const char *qk = (const char *)s->qk + b * rows * (size_t)(c->H + c->Hkv);
        const char *qkv = (const char *)s->qkv + b * rows * (size_t)(c->H + 2 * c->Hkv);
        char *att = (char *)s->att + b * rows * (size_t)c->H;
        w->ops->kv_append(w->dev, k, v, qk, qkv, T, kv->reach, past, c->H, c->Hkv, c->D);
        w->ops->attention_cached(w->dev, att, qk, k, v, T, kv->reach, past, c->H, c->Hkv, c->D);
    }
}

static void attention_block(const struct weights *w, struct activations *a, const struct layer_acts *s, int l,
                            int B, int T, bool masked, struct kv_cache *kv)
{
    const struct model_config *c = &w->c;
    const struct ops *o = w->ops;
    int N = B * T, Q = (c->H + 2 * c->Hkv) * c->D;
    multiply(w, s->qkv, s->norm_attn, PARAM_QKV, l, N, c->C, Q);
    if (model_has_qkv_bias(c))
        o->bias_forward(w->dev, s->qkv, gain(w, PARAM_BIAS_QKV, l), N, Q);
    struct qk_norm_rope heads = qk_norm_rope_inputs(w, a, s, l, N);
    o->qk_norm_rope_forward(w->dev, s->qk, s->rstd_qk, &heads, c->eps);
    attend(w, a, s, l, B, T, masked, kv);
    multiply(w, a->delta, s->att, PARAM_O, l, N, c->H * c->D, c->C);
    if (model_has_output_bias(c))
        o->bias_forward(w->dev, a->delta, gain(w, PARAM_BIAS_O, l), N, c->C);
}

void layer_forward(const struct weights *w, struct activations *a, const struct layer_acts *s, int l, int B,
                   int T, bool masked, struct kv_cache *kv)
{
    const struct model_config *c = &w->c;
    const struct ops *o = w->ops;
    int N = B * T;
    attention_block(w, a, s, l, B, T, masked, kv);
    o->rmsnorm_forward(w->dev, s->norm_mlp, s->rstd_mlp, s->mid, s->in, a->delta, gain(w, PARAM_NORM_MLP, l),
                       N, c->C, c->eps);
    multiply(w, s->gate_up, s->norm_mlp, PARAM_GATE_UP, l, N, c->C, 2 * c->F);
    o->swiglu_forward(w->dev, s->hidden, s->gate_up, N, c->F);
}

void forward_layers(const struct weights *w, struct activations *a, int B, int T, bool masked,
                    struct kv_cache *kv)
{
    const struct model_config *c = &w->c;
    const struct ops *o = w->ops;
    int N = B * T;
    const void *x = NULL; /* the residual stream before delta is added */
    assert(w->depth <= a->depth);
    activations_reached(a, PASS_BEGIN, -1);
    for (int l = 0; l < w->depth; l++) {
        struct layer_acts s = activations_layer(a, l);
        if (l == 0)
            embed(w, s.in, a->ids, N);
        o->rmsnorm_forward(w->dev, s.norm_attn, s.rstd_attn, s.in, l ? x : s.in, l ? a->delta : NULL,
                           gain(w, PARAM_NORM_ATTN, l), N, c->C, c->eps);
        layer_forward(w, a, &s, l, B, T, masked, kv);
        multiply(w, a->delta, s.hidden, PARAM_DOWN, l, N, c->F, c->C);
        x = s.mid;
        activations_reached(a, PASS_FORWARD, l);
    }
    o->rmsnorm_forward(w->dev, a->norm_last, a->rstd_last, a->last, x, a->delta,
                       gain(w, PARAM_NORM_FINAL, -1), N, c->C, c->eps);
}

void download_f32(const struct weights *w, float *dst, const void *src, size_t n)
{
    w->ops->download(w->dev, dst, src, n * dtype_bytes(w->act));
    if (w->act == DTYPE_F32)
        return;
    const uint16_t *half = (const uint16_t *)dst; /* widened in place, from the end backwards */
    for (size_t i = n; i-- > 0;) {
        uint16_t h;
        memcpy(&h, half + i, sizeof h);
        uint32_t bits = (uint32_t)h << 16;
        memcpy(dst + i, &bits, sizeof bits);
    }
}
