#include "pipeline/train/hybrid/rssm/net.h"

#include "pipeline/train/hybrid/rssm/rng.h"

#include <stdlib.h>
#include <string.h>

static void mlp_layout(struct mlp *m, int in, int hidden, int out, size_t *next)
{
    linear_layout(&m->first, 1, in, hidden, 1, next);
    linear_layout(&m->second, 1, hidden, out, 1, next);
}

void net_layout(struct net *n, const struct rssm_config *c)
{
    *n = (struct net){.c = *c};
    mlp_layout(&n->encoder, c->n_x, c->enc_hidden, c->n_e, &n->n_weights);
    mlp_layout(&n->prior, c->n_h, c->latent_hidden, 2 * c->n_z, &n->n_weights);
    mlp_layout(&n->posterior, c->n_h + c->n_e, c->latent_hidden, 2 * c->n_z, &n->n_weights);
    linear_layout(&n->decoder, 1, c->n_h + c->n_z, c->n_x, 1, &n->n_weights);
    gru_layout(&n->gru, c->n_z + c->n_e + c->n_u, c->n_h, &n->n_weights);
    heads_layout(&n->heads, c, &n->n_weights);
}

static void fill(const struct linear *l, real *w, struct rng *r)
{
    real scale = 1 / (real)sqrt((double)l->in);
    for (size_t i = 0; i < (size_t)l->groups * (size_t)l->in * (size_t)l->out; i++)
        w[l->w + i] = scale * (real)rng_normal(r);
}

void net_init(const struct net *n, real *w, uint64_t seed)
{
    const struct linear *const layers[] = {&n->encoder.first, &n->encoder.second,  &n->prior.first,
                                           &n->prior.second,  &n->posterior.first, &n->posterior.second,
                                           &n->decoder,       &n->gru.input,       &n->gru.hidden,
                                           &n->heads.state,   &n->heads.phi,       &n->heads.dl.first};
    struct rng r = {seed, 0};
    memset(w, 0, n->n_weights * sizeof *w);
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        fill(layers[i], w, &r);
}

struct piece {
    real **to;
    size_t n;
};

static int carve(const struct piece *v, size_t count, real **memory)
{
    enum { LINE = 64 / sizeof(real) };
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += (v[i].n + LINE - 1) / LINE * LINE;
    real *p = *memory = calloc(total, sizeof *p);
    if (!p)
        return -1;
    for (size_t i = 0; i < count; i++) {
        *v[i].to = p;
        p += (v[i].n + LINE - 1) / LINE * LINE;
    }
    return 0;
}

int net_input_alloc(const struct net *n, struct net_input *in, int T, int B, real **memory)
{
    const struct rssm_config *c = &n->c;
    size_t R = (size_t)T * (size_t)B, G = R * (size_t)c->groups, k = (size_t)c->k;
    struct loss_targets *t = &in->target;
    const struct piece v[] = {
        {&in->x, R * (size_t)c->n_x},
        {&in->u, R * (size_t)c->n_u},
        {&in->phi, G * (size_t)c->n_phi},
        {&in->eps, R * (size_t)c->n_z},
        {&in->h0, (size_t)B * (size_t)c->n_h},
        {&t->a0, G * k},
        {&t->a, G * k},
        {&t->gram, G * k * k},
        {&t->has_a, G},
        {&t->dl, R},
        {&t->has_dl, R},
        {&t->member, R * (size_t)c->members},
    };
    in->T = T;
    in->B = B;
    return carve(v, sizeof v / sizeof *v, memory);
}

int net_work_alloc(const struct net *n, struct net_work *k, int rows, real **memory)
{
    const struct rssm_config *c = &n->c;
    size_t R = (size_t)rows, H = (size_t)c->n_h, Z = (size_t)c->n_z, E = (size_t)c->n_e, U = (size_t)c->n_u;
    size_t M = (size_t)c->members, hidden = M * (size_t)c->head_hidden, dl = M * (size_t)c->dl_hidden;
    size_t G = (size_t)c->groups, P = (size_t)c->latent_hidden, enc = (size_t)c->enc_hidden,
           X = (size_t)c->n_x;
    size_t widest = G * hidden > dl ? G * hidden : dl;
    widest = widest > enc ? widest : enc;
    widest = widest > P ? widest : P;
    struct heads_cache *d = &k->heads;
    const struct piece v[] = {
        {&k->e, R * E},
        {&k->de, R * E},
        {&k->enc_act, R * enc},
        {&k->enc_sig, R * enc},
        {&k->h, R * H},
        {&k->dh, R * H},
        {&k->q, R * 2 * Z},
        {&k->dq, R * 2 * Z},
        {&k->p, R * 2 * Z},
        {&k->dp, R * 2 * Z},
        {&k->post_act, R * P},
        {&k->post_sig, R * P},
        {&k->prior_act, R * P},
        {&k->prior_sig, R * P},
        {&k->z, R * Z},
        {&k->dz, R * Z},
        {&k->he, R * (H + E)},
        {&k->dhe, R * (H + E)},
        {&k->zeu, R * (Z + E + U)},
        {&k->dzeu, R * (Z + E + U)},
        {&k->gx, R * 3 * H},
        {&k->gh, R * 3 * H},
        {&k->hz, R * (H + Z)},
        {&k->dhz, R * (H + Z)},
        {&k->hzu, R * (H + Z + U)},
        {&k->dhzu, R * (H + Z + U)},
        {&k->y, R * X},
        {&k->dy, R * X},
        {&d->shared, R * hidden},
        {&d->act, R * G * hidden},
        {&d->sig, R * G * hidden},
        {&d->raw, R * G * M * (size_t)c->k},
        {&d->dl_act, R * dl},
        {&d->dl_sig, R * dl},
        {&d->dl_raw, R * M * 2},
        {&k->draw, R * G * M * (size_t)c->k},
        {&k->ddl_raw, R * M * 2},
        {&k->scratch, R * widest},
    };
    return carve(v, sizeof v / sizeof *v, memory);
}
