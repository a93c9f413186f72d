#include "pipeline/train/optim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum optim_group optim_group_of(const struct param *p)
{
    switch (p->kind) {
    case PARAM_EMBED:
        return OPTIM_EMBEDDING;
    case PARAM_HEAD:
        return OPTIM_HEAD;
    default:
        return param_is_matrix(p) ? OPTIM_HIDDEN : OPTIM_NORM;
    }
}

static void make_spans(struct optim *o, const struct params *p)
{
    for (size_t i = 0; i < p->count; i++) {
        enum optim_group group = optim_group_of(&p->v[i]);
        const struct param *muon = o->use_muon && muon_takes(&p->v[i]) ? &p->v[i] : NULL;
        size_t end = p->v[i].offset + p->v[i].n;
        struct optim_span *r = o->n_spans > 0 ? &o->spans[o->n_spans - 1] : NULL;
        if (!r || r->group != group || r->muon || muon) {
            r = &o->spans[o->n_spans++];
            *r = (struct optim_span){.group = group,
                                     .offset = p->v[i].offset,
                                     .gain_offset = p->v[i].gain_offset,
                                     .decays = param_is_matrix(&p->v[i]),
                                     .layer = p->v[i].layer,
                                     .muon = muon};
        }
        r->n = end - r->offset;
    }
}

size_t optim_bytes(const struct params *layout, size_t n, enum dtype act, bool use_muon, bool bf16_state)
{
    return 2 * n * (bf16_state ? 2 : sizeof(float)) + (use_muon ? muon_bytes(layout, act) : 0);
}

size_t optim_element(const struct optim *o)
{
    return o->bf16_state ? 2 : sizeof(float);
}

struct weight_array optim_array(const struct optim *o, void *whole)
{
    return (struct weight_array){.p = whole, .bf16 = o->bf16_state};
}

int optim_alloc(struct optim *o, const struct weights *w, char *err, size_t cap)
{
    o->n = o->own ? 0 : w->layout.total;
    for (size_t i = 0; o->own && i < o->n_own; i++)
        o->n += o->own[i].end - o->own[i].from;
    size_t bytes = (o->n + 1) * optim_element(o); /* a share may be empty, an array may not */
    o->m = w->ops->alloc(w->dev, bytes);
    o->v = w->ops->alloc(w->dev, bytes);
    o->spans = calloc(w->layout.count, sizeof *o->spans);
    o->ages = calloc((size_t)w->c.L, sizeof *o->ages);
    o->n_spans = 0;
    o->t = 0;
    o->muon = (struct muon){0};
    if (!o->m || !o->v || !o->spans || !o->ages || (o->use_muon && muon_alloc(&o->muon, w) != 0)) {
        snprintf(err, cap, "no memory for the optimizer (%.1f MB)",
                 (double)optim_bytes(&w->layout, o->n, w->act, o->use_muon, o->bf16_state) / 1e6);
        optim_free(o, w);
        return -1;
    }
    make_spans(o, &w->layout);
    return 0;
}

void optim_free(struct optim *o, const struct weights *w)
{
    w->ops->free(w->dev, o->m);
    w->ops->free(w->dev, o->v);
    free(o->spans);
    free(o->ages);
    muon_free(&o->muon, w);
    o->m = o->v = NULL;
    o->spans = NULL;
    o->ages = NULL;
    o->n_spans = 0;
}

double optim_grad_norm(const struct weights *w, const float *grad)
{
    return sqrt(w->ops->sum_squares(w->dev, grad, w->layout.total));
}

/* What of a run lies in a range that this process updates; n is 0 where nothing does. */
static struct optim_span own_part(const struct optim_span *r, const struct range *own)
{
    struct optim_span s = *r;
    size_t from = r->offset > own->from ? r->offset : own->from,
           end = r->offset + r->n < own->end ? r->offset + r->n : own->end;
    s.n = end > from ? end - from : 0;
    s.gain_offset += from - r->offset;
    s.offset = from;
    return s;
}

/* Without a master copy matrices are updated in bf16 where they are, gains in f32 in an array of their own.
 */
static void step_bf16(const struct optim *o, struct weights *w, const struct optim_span *r, void *m, void *v,
                      const float *grad, struct adamw a)
{
    float *theta = w->theta ? w->theta + r->offset : r->decays ? NULL : w->gains + r->gain_offset;
    void *work = w->theta || r->decays ? (char *)w->work + r->offset * dtype_bytes(w->act) : NULL;
    w->ops->adamw_step_bf16(w->dev, theta, work, m, v, grad + r->offset, r->n, a, o->t, r->offset);
}

/* One more update of the layers that take part, and of the rest. */
static void grow_older(struct optim *o, int held, int depth, float beta2)
{
    o->beta2_power = (o->t == 0 ? 1 : o->beta2_power) * (double)beta2;
    o->t++;
    for (int l = held; l < depth; l++) {
        o->ages[l].beta2_power = (o->ages[l].updates == 0 ? 1 : o->ages[l].beta2_power) * (double)beta2;
        o->ages[l].updates++;
    }
}

/* A run, or what this process has of it. state: where its elements begin in m and v. */
static void step_span(struct optim *o, struct weights *w, const struct optim_span *r, size_t state,
                      const float *grad, struct adamw a)
{
    char *m = (char *)o->m + state * optim_element(o), *v = (char *)o->v + state * optim_element(o);
    if (r->muon)
        muon_step(&o->muon, w, r->muon, (float *)m, grad, a.grad_scale, a.lr, o->momentum, a.weight_decay);
    else if (o->bf16_state)
        step_bf16(o, w, r, m, v, grad, a);
    else
        w->ops->adamw_step(w->dev, w->theta + r->offset, (char *)w->work + r->offset * dtype_bytes(w->act),
                           (float *)m, (float *)v, grad + r->offset, r->n, a);
}

void optim_step(struct optim *o, struct weights *w, const float *grad, double norm, double lr, double share)
{
    const struct range all = {0, w->layout.total, 0}, *own = o->own ? o->own : &all;
    float beta2 = (float)pow((double)o->beta2, share);
    grow_older(o, w->held, w->depth, beta2);
    size_t held = weights_held(w);
    struct adamw a = {
        .lr = (float)lr,
        .beta1 = o->beta1,
        .beta2 = beta2,
        .eps = o->eps,
        .grad_scale = o->clip > 0 && norm > (double)o->clip ? (float)((double)o->clip / norm) : 1,
    };
    float decay = o->weight_decay * (float)share;
    for (size_t i = 0; i < o->n_spans; i++) {
        const struct optim_span *r = &o->spans[i];
        if (r->layer >= w->depth || r->offset < held)
            continue;
        struct optim_age age = r->layer < 0 ? (struct optim_age){o->t, o->beta2_power} : o->ages[r->layer];
        float rate = o->rate[r->group];
        a.bias1 = (float)(1 - pow((double)o->beta1, (double)age.updates));
        a.bias2 = (float)(1 - age.beta2_power);
        a.lr = (float)lr * rate;
        a.weight_decay = r->decays && rate > 0 ? decay / rate : 0;
        for (size_t k = 0; k < (o->own ? o->n_own : 1); k++) {
            struct optim_span part = own_part(r, &own[k]);
            if (part.n > 0)
                step_span(o, w, &part, own[k].at + part.offset - own[k].from, grad, a);
        }
    }
}
