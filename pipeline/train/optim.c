#include "pipeline/train/optim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void make_runs(struct optim *o, const struct params *p)
{
    for (size_t i = 0; i < p->count; i++) {
        bool decays = param_is_matrix(&p->v[i]);
        const struct param *muon = o->use_muon && muon_takes(&p->v[i]) ? &p->v[i] : NULL;
        size_t end = p->v[i].offset + p->v[i].n;
        struct optim_run *r = o->n_runs > 0 ? &o->runs[o->n_runs - 1] : NULL;
        if (!r || r->decays != decays || r->muon || muon) {
            r = &o->runs[o->n_runs++];
            *r = (struct optim_run){.offset = p->v[i].offset, .decays = decays, .muon = muon};
        }
        r->n = end - r->offset;
    }
}

size_t optim_bytes(const struct params *layout, enum dtype act, bool use_muon)
{
    return 2 * layout->total * sizeof(float) + (use_muon ? muon_bytes(layout, act) : 0);
}

int optim_alloc(struct optim *o, const struct weights *w, char *err, size_t cap)
{
    o->m = w->ops->alloc(w->dev, w->layout.total * sizeof(float));
    o->v = w->ops->alloc(w->dev, w->layout.total * sizeof(float));
    o->runs = calloc(w->layout.count, sizeof *o->runs);
    o->n_runs = 0;
    o->t = 0;
    o->muon = (struct muon){0};
    if (!o->m || !o->v || !o->runs || (o->use_muon && muon_alloc(&o->muon, w) != 0)) {
        snprintf(err, cap, "no memory for the optimizer (%.1f MB)", (double)optim_bytes(&w->layout, w->act, o->use_muon) / 1e6);
        optim_free(o, w);
        return -1;
    }
    make_runs(o, &w->layout);
    return 0;
}

void optim_free(struct optim *o, const struct weights *w)
{
    w->ops->free(w->dev, o->m);
    w->ops->free(w->dev, o->v);
    free(o->runs);
    muon_free(&o->muon, w);
    o->m = o->v = NULL;
    o->runs = NULL;
    o->n_runs = 0;
}

double optim_grad_norm(const struct weights *w, const float *grad)
{
    return sqrt(w->ops->sum_squares(w->dev, grad, w->layout.total));
}

void optim_step(struct optim *o, struct weights *w, const float *grad, double norm, double lr)
{
    o->t++;
    struct adamw a = {
        .lr = (float)lr, .beta1 = o->beta1, .beta2 = o->beta2, .eps = o->eps,
        .bias1 = (float)(1 - pow((double)o->beta1, (double)o->t)),
        .bias2 = (float)(1 - pow((double)o->beta2, (double)o->t)),
        .grad_scale = o->clip > 0 && norm > o->clip ? (float)(o->clip / norm) : 1,
    };
    for (size_t i = 0; i < o->n_runs; i++) {
        const struct optim_run *r = &o->runs[i];
        a.weight_decay = r->decays ? o->weight_decay : 0;
        if (r->muon) {
            muon_step(&o->muon, w, r->muon, o->m, grad, a.grad_scale, a.lr, o->momentum, a.weight_decay);
            continue;
        }
        w->ops->adamw_step(w->dev, w->theta + r->offset, (char *)w->work + r->offset * dtype_bytes(w->act),
                           o->m + r->offset, o->v + r->offset, grad + r->offset, r->n, a);
    }
}
