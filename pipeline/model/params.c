/*
 * params.c - the order and the offsets of a model's tensors
 */
#include "pipeline/model/params.h"

#include <stdio.h>
#include <stdlib.h>

enum { ALIGN = 16 }; /* elements: 64 bytes of f32, 32 of bf16 */

/* The tensors of a layer in order. q,k,v and gate,up follow each other without padding: their sizes are
 * multiples of C, and C is a multiple of ALIGN (model_config_check). */
static const struct slot {
    enum param_kind kind;
    const char *name;
} slots[] = {
    {PARAM_NORM_ATTN, "input_layernorm.weight"}, {PARAM_Q, "self_attn.q_proj.weight"},
    {PARAM_K, "self_attn.k_proj.weight"},        {PARAM_V, "self_attn.v_proj.weight"},
    {PARAM_BIAS_Q, "self_attn.q_proj.bias"},     {PARAM_BIAS_K, "self_attn.k_proj.bias"},
    {PARAM_BIAS_V, "self_attn.v_proj.bias"},     {PARAM_NORM_Q, "self_attn.q_norm.weight"},
    {PARAM_NORM_K, "self_attn.k_norm.weight"},   {PARAM_O, "self_attn.o_proj.weight"},
    {PARAM_BIAS_O, "self_attn.o_proj.bias"},     {PARAM_NORM_MLP, "post_attention_layernorm.weight"},
    {PARAM_GATE, "mlp.gate_proj.weight"},        {PARAM_UP, "mlp.up_proj.weight"},
    {PARAM_DOWN, "mlp.down_proj.weight"},
};
enum { N_SLOTS = sizeof slots / sizeof *slots };

static bool has(const struct model_config *c, enum param_kind kind)
{
    switch (kind) {
    case PARAM_NORM_Q:
    case PARAM_NORM_K:
        return model_has_qk_norm(c);
    case PARAM_BIAS_Q:
    case PARAM_BIAS_K:
    case PARAM_BIAS_V:
        return model_has_qkv_bias(c);
    case PARAM_BIAS_O:
        return model_has_output_bias(c);
    default:
        return true;
    }
}

static void shape(const struct model_config *c, enum param_kind kind, int *rows, int *cols)
{
    *rows = 1;
    *cols = c->C;
    switch (kind) {
    case PARAM_EMBED:
    case PARAM_HEAD:
        *rows = c->V;
        break;
    case PARAM_Q:
        *rows = c->H * c->D;
        break;
    case PARAM_K:
    case PARAM_V:
        *rows = c->Hkv * c->D;
        break;
    case PARAM_O:
        *rows = c->C;
        *cols = c->H * c->D;
        break;
    case PARAM_GATE:
    case PARAM_UP:
        *rows = c->F;
        break;
    case PARAM_DOWN:
        *rows = c->C;
        *cols = c->F;
        break;
    case PARAM_NORM_Q:
    case PARAM_NORM_K:
        *cols = c->D;
        break;
    case PARAM_BIAS_Q:
        *cols = c->H * c->D;
        break;
    case PARAM_BIAS_K:
    case PARAM_BIAS_V:
        *cols = c->Hkv * c->D;
        break;
    case PARAM_BIAS_O:
    case PARAM_NORM_ATTN:
    case PARAM_NORM_MLP:
    case PARAM_NORM_FINAL:
    case N_PARAM_KINDS:
        break;
    }
}

/* The biases of q, k and v follow each other without padding. */
static size_t padded(enum param_kind kind, size_t n)
{
    return kind == PARAM_BIAS_Q || kind == PARAM_BIAS_K ? n : (n + ALIGN - 1) / ALIGN * ALIGN;
}

static struct param *append(struct params *p, const struct model_config *c, enum param_kind kind, int layer)
{
    struct param *t = &p->v[p->count++];
    t->kind = kind;
    t->layer = layer;
    shape(c, kind, &t->rows, &t->cols);
    t->n = (size_t)t->rows * (size_t)t->cols;
    t->offset = p->total;
    p->total += padded(kind, t->n);
    if (param_is_matrix(t)) {
        t->first_row = p->matrix_rows;
        p->matrix_rows += (size_t)t->rows;
    } else {
        t->gain_offset = p->gains;
        p->gains += padded(kind, t->n);
    }
    return t;
}

int params_layout(struct params *p, const struct model_config *c)
{
    *p = (struct params){.v = calloc(3 + (size_t)c->L * N_SLOTS, sizeof *p->v)};
    if (!p->v)
        return -1;
    snprintf(append(p, c, PARAM_EMBED, -1)->name, sizeof p->v->name, "model.embed_tokens.weight");
    for (int l = 0; l < c->L; l++)
        for (int s = 0; s < N_SLOTS; s++)
            if (has(c, slots[s].kind))
                snprintf(append(p, c, slots[s].kind, l)->name, sizeof p->v->name, "model.layers.%d.%s", l,
                         slots[s].name);
    p->per_layer = (p->count - 1) / (size_t)c->L;
    snprintf(append(p, c, PARAM_NORM_FINAL, -1)->name, sizeof p->v->name, "model.norm.weight");
    if (!c->tied)
        snprintf(append(p, c, PARAM_HEAD, -1)->name, sizeof p->v->name, "lm_head.weight");
    return 0;
}

void params_free(struct params *p)
{
    free(p->v);
    *p = (struct params){0};
}

bool param_is_matrix(const struct param *p)
{
    return p->kind <= PARAM_HEAD;
}

bool param_is_bias(const struct param *p)
{
    return p->kind >= PARAM_BIAS_Q;
}

const struct param *params_find(const struct params *p, enum param_kind kind, int layer)
{
    if (layer >= 0) { /* called for every product of every step, so this avoids a search over layers */
        size_t first = 1 + (size_t)layer * p->per_layer;
        for (size_t i = first; i < first + p->per_layer && i < p->count; i++)
            if (p->v[i].kind == kind && p->v[i].layer == layer)
                return &p->v[i];
        return NULL;
    }
    if (kind == PARAM_EMBED)
        return &p->v[0];
    for (size_t i = p->count; i-- > 0 && p->v[i].layer < 0;)
        if (p->v[i].kind == kind)
            return &p->v[i];
    return NULL;
}
