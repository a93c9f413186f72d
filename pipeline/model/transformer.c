/*
 * transformer.c - loss and gradient of a micro-batch
 *
 * The output matrix, the softmax and their backward pass go over the rows in chunks, so that few
 * logits exist at once (ops->logit_bytes); then the layers are walked back.
 */
#include "pipeline/model/forward.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* For each token, finds the index in its sequence of the first token that it may attend to: the one after the
 * last end of a document before it. */
static void fill_first(int32_t *first, const int32_t *tokens, int B, int T, int eos)
{
    for (int b = 0; b < B; b++) {
        int32_t begin = 0;
        const int32_t *row = tokens + (size_t)b * (size_t)(T + 1);
        for (int t = 0; t < T; t++) {
            first[(size_t)b * (size_t)T + (size_t)t] = begin;
            if (row[t] == eos)
                begin = t + 1;
        }
    }
}

/* stride: distance between sequences in the host's array, in tokens. */
static void fill_inputs(struct activations *a, const int32_t *tokens, int B, int T, size_t stride)
{
    size_t n = (size_t)B * (size_t)T;
    assert(n <= a->N && T <= a->w->c.T);
    for (size_t i = 0; i < n; i++) {
        int32_t id = tokens[i / (size_t)T * stride + i % (size_t)T];
        assert(id < a->w->c.V);
        a->host[i] = id < 0 ? 0 : id;
        a->host[a->N + i] = (int32_t)(i % (size_t)T);
    }
}

static void upload_ids(struct activations *a)
{
    a->w->ops->upload(a->w->dev, a->ids, a->host, 4 * a->N * sizeof *a->host);
}

static void upload_batch(struct activations *a, const int32_t *tokens, int B, int T, int doc_mask_eos)
{
    size_t n = (size_t)B * (size_t)T;
    fill_inputs(a, tokens, B, T, (size_t)T + 1);
    for (size_t i = 0; i < n; i++)
        a->host[2 * a->N + i] = tokens[i / (size_t)T * ((size_t)T + 1) + i % (size_t)T + 1];
    if (doc_mask_eos >= 0)
        fill_first(a->host + 3 * a->N, tokens, B, T, doc_mask_eos);
    upload_ids(a);
}

static void *row(const struct weights *w, void *x, size_t n, size_t width)
{
    return (char *)x + n * width * dtype_bytes(w->act);
}

static float *grad_of(const struct weights *w, float *grad, enum param_kind kind, int layer)
{
    return grad + params_find(&w->layout, kind, layer)->offset;
}

/* Computes a->loss from a->norm_last; with grad also d(norm_last) into a->delta, and the output matrix's
 * gradient. */
static void output_loss(const struct weights *w, struct activations *a, size_t N, float *grad, float scale,
                        bool accumulate)
{
    const struct ops *o = w->ops;
    int C = w->c.C, V = w->c.V;
    for (size_t n = 0; n < N; n += a->logit_rows) {
        int rows = (int)(N - n < a->logit_rows ? N - n : a->logit_rows);
        void *x = row(w, a->norm_last, n, (size_t)C);
        output_logits(w, a->logits, x, rows);
        o->cross_entropy(w->dev, a->loss + n, a->logits, a->targets + n, rows, V, grad ? scale : 0);
        if (!grad)
            continue;
        o->linear_backward_input(w->dev, row(w, a->delta, n, (size_t)C), a->logits, output_matrix(w), rows, C,
                                 V, false);
        if (w->held > 0 && w->c.tied)
            continue;
        o->linear_backward_weight(w->dev, grad_of(w, grad, w->c.tied ? PARAM_EMBED : PARAM_HEAD, -1),
                                  a->logits, x, rows, C, V, accumulate || n > 0);
    }
}

/* On entry dx is d(the layer's output), which already includes the residual path; on return it is d(mid),
 * with the MLP's gradient added. */
static void mlp_backward(const struct weights *w, struct activations *a, const struct layer_acts *s, int l,
                         int N, float *grad, bool accumulate)
{
    const struct ops *o = w->ops;
    int C = w->c.C, F = w->c.F;
    o->linear_maybe_fp8_backward(w->dev, a->dhidden, grad_of(w, grad, PARAM_DOWN, l), a->dx, s->hidden,
                                 weight(w, PARAM_DOWN, l), N, F, C, accumulate);
    o->swiglu_backward(w->dev, a->dgate_up, a->dhidden, s->gate_up, N, F);
    o->linear_maybe_fp8_backward(w->dev, a->delta, grad_of(w, grad, PARAM_GATE_UP, l), a->dgate_up,
                                 s->norm_mlp, weight(w, PARAM_GATE_UP, l), N, C, 2 * F, accumulate);
    o->rmsnorm_backward(w->dev, a->dx, grad_of(w, grad, PARAM_NORM_MLP, l), a->delta, s->mid,
                        gain(w, PARAM_NORM_MLP, l), s->rstd_mlp, N, C, accumulate);
}

/* On entry dx is d(mid); on return it is d(in). */
static void attention_block_backward(const struct weights *w, struct activations *a,
                                     const struct layer_acts *s, int l, int B, int T, bool masked,
                                     float *grad, bool accumulate)
{
    const struct ops *o = w->ops;
    const struct model_config *c = &w->c;
    struct attention sequences = attention_inputs(w, a, s, B, T, masked);
    int N = B * T, C = c->C, HD = c->H * c->D, Q = (c->H + 2 * c->Hkv) * c->D;
    bool normed = model_has_qk_norm(c);
    if (model_has_output_bias(c))
        o->bias_backward(w->dev, grad_of(w, grad, PARAM_BIAS_O, l), a->dx, N, C, accumulate);
    o->linear_maybe_fp8_backward(w->dev, a->datt, grad_of(w, grad, PARAM_O, l), a->dx, s->att,
                                 weight(w, PARAM_O, l), N, HD, C, accumulate);
    o->attention_backward(w->dev, a->dqk, a->dqkv, a->datt, s->att, s->lse, &sequences);
    struct qk_norm_rope heads = qk_norm_rope_inputs(w, a, s, l, N);
    o->qk_norm_rope_backward(w->dev, a->dqkv, normed ? grad_of(w, grad, PARAM_NORM_Q, l) : NULL,
                             normed ? grad_of(w, grad, PARAM_NORM_K, l) : NULL, a->dqk, s->rstd_qk, &heads,
                             accumulate);
    if (model_has_qkv_bias(c))
        o->bias_backward(w->dev, grad_of(w, grad, PARAM_BIAS_QKV, l), a->dqkv, N, Q, accumulate);
    o->linear_maybe_fp8_backward(w->dev, a->delta, grad_of(w, grad, PARAM_QKV, l), a->dqkv, s->norm_attn,
                                 weight(w, PARAM_QKV, l), N, C, Q, accumulate);
    o->rmsnorm_backward(w->dev, a->dx, grad_of(w, grad, PARAM_NORM_ATTN, l), a->delta, s->in,
                        gain(w, PARAM_NORM_ATTN, l), s->rstd_attn, N, C, accumulate);
}

/* Computes the layer once more from its input, into the buffers that all layers share. */
static void recompute(const struct weights *w, struct activations *a, const struct layer_acts *s, int l,
                      int B, int T, bool masked)
{
    w->ops->rmsnorm_forward(w->dev, s->norm_attn, s->rstd_attn, NULL, s->in, NULL,
                            gain(w, PARAM_NORM_ATTN, l), B * T, w->c.C, w->c.eps);
    layer_forward(w, a, s, l, B, T, masked, NULL);
}

static void backward(const struct weights *w, struct activations *a, int B, int T, bool masked, float *grad,
                     bool accumulate)
{
    const struct ops *o = w->ops;
    int N = B * T, C = w->c.C;
    o->zero(w->dev, a->dx, (size_t)N * (size_t)C * dtype_bytes(w->act));
    o->rmsnorm_backward(w->dev, a->dx, grad_of(w, grad, PARAM_NORM_FINAL, -1), a->delta, a->last,
                        gain(w, PARAM_NORM_FINAL, -1), a->rstd_last, N, C, accumulate);
    activations_reached(a, PASS_BACKWARD, w->depth);
    for (int l = w->depth - 1; l >= w->held; l--) {
        struct layer_acts s = activations_layer(a, l);
        if (a->mode == ACT_RECOMPUTE && l < w->depth - 1) /* the last layer's buffers still hold its values */
            recompute(w, a, &s, l, B, T, masked);
        mlp_backward(w, a, &s, l, N, grad, accumulate);
        attention_block_backward(w, a, &s, l, B, T, masked, grad, accumulate);
        activations_reached(a, PASS_BACKWARD, l);
    }
    if (w->held > 0) {
        if (!accumulate)
            o->zero(w->dev, grad, weights_held(w) * sizeof *grad);
        activations_reached(a, PASS_BACKWARD, -1);
        return;
    }
    if (!accumulate && !w->c.tied) /* when tied, the buffer already holds the output matrix's gradient */
        o->zero(w->dev, grad_of(w, grad, PARAM_EMBED, -1), (size_t)w->c.V * (size_t)C * sizeof *grad);
    o->embedding_backward(w->dev, grad_of(w, grad, PARAM_EMBED, -1), a->dx, a->ids, N, C, w->c.V);
    activations_reached(a, PASS_BACKWARD, -1);
}

static uint64_t key_of(const struct weights *w, const struct activations *a, int B, int T, bool masked,
                       const float *grad, float scale, bool accumulate)
{
    uint32_t bits;
    memcpy(&bits, &scale, sizeof bits);
    const uint64_t words[] = {(uintptr_t)w->theta, (uintptr_t)w->work,
                              (uintptr_t)a->base,  (uint64_t)B,
                              (uint64_t)T,         masked,
                              (uintptr_t)grad,     bits,
                              accumulate,          (uint64_t)w->depth,
                              (uint64_t)w->held};
    return replay_key(words, sizeof words / sizeof *words);
}

void model_submit(const struct weights *w, struct activations *a, const int32_t *tokens, int B, int T,
                  int doc_mask_eos, float *loss, float *grad, float grad_scale, bool accumulate)
{
    bool masked = doc_mask_eos >= 0;
    size_t N = (size_t)B * (size_t)T;
    assert(!grad || (a->mode != ACT_FORWARD &&
                     grad_scale != 0)); /* scale 0 would tell cross_entropy to compute no gradient */
    upload_batch(a, tokens, B, T, doc_mask_eos);
    if (!w->ops->replay(w->dev, key_of(w, a, B, T, masked, grad, grad ? grad_scale : 0, accumulate)))
        do {
            forward_layers(w, a, B, T, masked, NULL);
            output_loss(w, a, N, grad, grad_scale, accumulate);
            if (grad)
                backward(w, a, B, T, masked, grad, accumulate);
        } while (!w->ops->recorded(w->dev));
    w->ops->download_later(w->dev, loss, a->loss, N * sizeof *loss);
}

void model_run(const struct weights *w, struct activations *a, const int32_t *tokens, int B, int T,
               int doc_mask_eos, float *loss, float *grad, float grad_scale)
{
    model_submit(w, a, tokens, B, T, doc_mask_eos, loss, grad, grad_scale, false);
    w->ops->sync(w->dev);
}

void model_logits(const struct weights *w, struct activations *a, const int32_t *tokens, int B, int T,
                  float *logits)
{
    size_t N = (size_t)B * (size_t)T, V = (size_t)w->c.V;
    fill_inputs(a, tokens, B, T, (size_t)T);
    upload_ids(a);
    forward_layers(w, a, B, T, false, NULL);
    for (size_t n = 0; n < N; n += a->logit_rows) {
        size_t rows = N - n < a->logit_rows ? N - n : a->logit_rows;
        output_logits(w, a->logits, row(w, a->norm_last, n, (size_t)w->c.C), (int)rows);
        download_f32(w, logits + n * V, a->logits, rows * V);
    }
}
