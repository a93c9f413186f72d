/*
 * train.c - one update from replayed sequences
 */
#include "pipeline/train/hybrid/rssm/model.h"

#include "pipeline/train/hybrid/rssm/adam.h"
#include "pipeline/train/hybrid/rssm/whiten.h"

#include <string.h>

static void gather_targets(const struct rssm *r, uint64_t serial, size_t row)
{
    const struct rssm_config *c = &r->c;
    const struct replay *p = &r->replay;
    const struct loss_targets *t = &r->in.target;
    float *const to[N_REPLAY] = {[REPLAY_A0] = t->a0,
                                 [REPLAY_A] = t->a,
                                 [REPLAY_GRAM] = t->gram,
                                 [REPLAY_HAS_A] = t->has_a,
                                 [REPLAY_HAS_DL] = t->has_dl};
    for (int f = 0; f < N_REPLAY; f++)
        if (to[f])
            memcpy(to[f] + row * p->width[f], replay_at(p, f, serial), p->width[f] * sizeof(float));
    whiten_apply(&t->dl[row], replay_at(p, REPLAY_DL, serial), &r->dl_mean, &r->dl_var, 1);
    uint64_t key = rng_hash(c->seed, 3),
             M = (uint64_t)c->members; /* a function of the block: no need to store it */
    for (uint64_t m = 0; m < M; m++) {
        double u = (double)(rng_hash(key, serial * M + m) >> 11) * 0x1p-53;
        t->member[row * M + m] = u < (double)c->bootstrap;
    }
}

static void gather(struct rssm *r, uint64_t serial, size_t row)
{
    const struct replay *p = &r->replay;
    struct net_input *in = &r->in;
    size_t X = (size_t)r->c.n_x, Z = (size_t)r->c.n_z, phi = p->width[REPLAY_PHI], U = (size_t)r->c.n_u;
    whiten_apply(in->x + row * X, replay_at(p, REPLAY_X, serial), r->x_mean, r->x_var, X);
    memcpy(in->u + row * U, replay_at(p, REPLAY_U, serial), U * sizeof(float));
    memcpy(in->phi + row * phi, replay_at(p, REPLAY_PHI, serial), phi * sizeof(float));
    for (size_t i = 0; i < Z; i++)
        in->eps[row * Z + i] = rng_normal(&r->n.train);
    gather_targets(r, serial, row);
}

/* starts: (B) serials. The first sequence is the latest: what was just learnt about is never left to chance.
 */
static void draw_batch(struct rssm *r, uint64_t *starts)
{
    uint64_t held = r->n.blocks < r->replay.capacity ? r->n.blocks : r->replay.capacity;
    uint64_t T = held < (uint64_t)r->c.seq ? held : (uint64_t)r->c.seq;
    size_t B = (size_t)r->c.batch, H = (size_t)r->c.n_h;
    r->in.T = (int)T;
    for (size_t b = 0; b < B; b++) {
        starts[b] = r->n.blocks - T;
        if (r->n.whole)
            starts[b] = r->n.blocks - (1 + rng_below(&r->n.train, held / T)) * T;
        else if (b)
            starts[b] -= rng_below(&r->n.train, held - T + 1);
        memcpy(r->in.h0 + b * H, replay_at(&r->replay, REPLAY_H, starts[b]), H * sizeof(float));
        for (size_t t = 0; t < T; t++)
            gather(r, starts[b] + t, t * B + b);
    }
}

/* States recomputed on the way replace those that older weights left. */
static void refresh(struct rssm *r, const uint64_t *starts)
{
    size_t B = (size_t)r->c.batch, H = (size_t)r->c.n_h;
    for (size_t t = 1; t < (size_t)r->in.T; t++)
        for (size_t b = 0; b < B; b++)
            memcpy(replay_at(&r->replay, REPLAY_H, starts[b] + t), r->work.h + (t * B + b) * H,
                   H * sizeof(float));
}

void rssm_train_step(struct rssm *r, struct rssm_stats *s)
{
    uint64_t starts[r->c.batch];
    struct loss l;
    *s = (struct rssm_stats){0};
    if (r->n.blocks < (uint64_t)r->c.min_blocks)
        return;
    draw_batch(r, starts);
    net_forward(&r->net, r->w, &r->in, &r->work, &l);
    memset(r->g, 0, r->net.n_weights * sizeof *r->g);
    net_backward(&r->net, r->w, r->g, &r->in, &r->work);
    double norm = adam_norm(r->g, r->net.n_weights);
    *s = (struct rssm_stats){isfinite(norm) && isfinite(l.total),
                             (float)l.total,
                             (float)l.coef,
                             (float)l.dl,
                             (float)l.recon,
                             (float)l.kl,
                             (float)norm};
    if (!s->trained)
        return;
    float scale = norm > (double)r->c.clip ? (float)((double)r->c.clip / norm) : 1;
    adam_update(&r->c, r->w, r->m, r->v, r->g, r->net.n_weights, ++r->n.updates, scale);
    refresh(r, starts);
}
