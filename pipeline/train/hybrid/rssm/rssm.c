#include "pipeline/train/hybrid/rssm/model.h"

#include "pipeline/train/hybrid/rssm/latent.h"
#include "pipeline/train/hybrid/rssm/whiten.h"

#include <stdlib.h>
#include <string.h>

enum { SCORE_PRIOR = 8 }; /* as many forecasts as if right (guess) */
static const float SCORE_RATE = 0.02f,
                   SCORE_LIMIT = 25; /* the last 50; five deviations: one spike is not the rule */

const char *rssm_strerror(int e)
{
    switch (e) {
    case RSSM_OK:
        return "no error";
    case RSSM_EORDER:
        return "a block needs exactly one action before the next";
    case RSSM_ENONFINITE:
        return "a number is not finite";
    case RSSM_EGONE:
        return "the block is not in the replay buffer";
    case RSSM_ERANGE:
        return "too many blocks, or none";
    }
    return "unknown error";
}

void rssm_config_default(struct rssm_config *c, int groups)
{
    *c = (struct rssm_config){
        .groups = groups,
        .k = 4,
        .n_x = 64,
        .n_u = 16,
        .n_phi = 16,
        .n_e = 32,
        .enc_hidden = 128,
        .n_h = 128,
        .n_z = 16,
        .latent_hidden = 64,
        .members = 5,
        .head_hidden = 32,
        .dl_hidden = 24,
        .samples = 16,
        .max_blocks = 8,
        .capacity = 512,
        .seq = 16,
        .batch = 4,
        .min_blocks = 8,
        .kl_prior = 0.5f,
        .kl_posterior = 0.1f,
        .free_nats = 1,
        .beta = 1,
        .w_recon = 0.1f,
        .bootstrap = 0.8f,
        .lr = 1e-3f,
        .beta1 = 0.9f,
        .beta2 = 0.999f,
        .eps = 1e-8f,
        .clip = 10,
        .whiten_rate = 0.01f,
    };
}

static bool fits(const struct rssm_config *c)
{
    const int sizes[] = {c->groups,     c->n_x,     c->n_u,        c->n_phi,         c->n_e,
                         c->enc_hidden, c->n_h,     c->n_z,        c->latent_hidden, c->head_hidden,
                         c->dl_hidden,  c->samples, c->max_blocks, c->batch,         c->min_blocks};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i] < 1 || sizes[i] > 4096)
            return false;
    return c->k >= 1 && c->k <= 64 && c->members >= 1 && c->members <= 64 && c->seq >= 1 && c->seq <= 1024 &&
           c->capacity >= c->seq && c->capacity <= 1 << 20;
}

static int alloc_state(struct rssm *r)
{
    const struct rssm_config *c = &r->c;
    size_t n = r->net.n_weights, X = (size_t)c->n_x, S = (size_t)c->samples;
    const struct {
        float **to;
        size_t n;
    } v[] = {{&r->w, n},
             {&r->m, n},
             {&r->v, n},
             {&r->g, n},
             {&r->x_mean, X},
             {&r->x_var, X},
             {&r->xw, X},
             {&r->h, (size_t)c->n_h},
             {&r->e, (size_t)c->n_e},
             {&r->q, 2 * (size_t)c->n_z},
             {&r->z, (size_t)c->n_z},
             {&r->u, (size_t)c->n_u},
             {&r->rows, S * ((size_t)c->n_u + (size_t)c->groups * (size_t)c->n_phi + 2 * (size_t)c->n_h +
                             (size_t)c->n_z + (size_t)c->n_e)}};
    size_t total = 0, at = 0;
    for (size_t i = 0; i < sizeof v / sizeof *v; i++)
        total += v[i].n;
    r->state = calloc(total, sizeof(float));
    for (size_t i = 0; r->state && i < sizeof v / sizeof *v; at += v[i++].n)
        *v[i].to = r->state + at;
    return r->state ? 0 : -1;
}

struct rssm *rssm_new(const struct rssm_config *c)
{
    struct rssm *r = fits(c) ? calloc(1, sizeof *r) : NULL;
    if (!r)
        return NULL;
    r->c = *c;
    net_layout(&r->net, c);
    if (alloc_state(r) || replay_alloc(&r->replay, c) ||
        net_input_alloc(&r->net, &r->in, c->seq, c->batch, &r->memory[0]) ||
        net_work_alloc(&r->net, &r->work, c->seq * c->batch, &r->memory[1]) ||
        net_work_alloc(&r->net, &r->imagined, c->samples, &r->memory[2])) {
        rssm_free(r);
        return NULL;
    }
    r->n.live.seed = rng_hash(c->seed, 0);
    r->n.train.seed = rng_hash(c->seed, 1);
    net_init(&r->net, r->w, rng_hash(c->seed, 2));
    r->surprise = 1;
    return r;
}

void rssm_free(struct rssm *r)
{
    if (!r)
        return;
    for (int i = 0; i < 3; i++)
        free(r->memory[i]);
    free(r->state);
    replay_free(&r->replay);
    free(r);
}

size_t rssm_weights(const struct rssm *r)
{
    return r->net.n_weights;
}

const struct rssm_config *rssm_config(const struct rssm *r)
{
    return &r->c;
}

const float *rssm_features(const struct rssm *r)
{
    return r->e;
}

const float *rssm_state(const struct rssm *r)
{
    return r->h;
}

static bool all_finite(const float *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(v[i]))
            return false;
    return true;
}

int rssm_observe(struct rssm *r, const struct rssm_block *b, uint64_t *serial)
{
    const struct rssm_config *c = &r->c;
    struct replay *p = &r->replay;
    size_t X = (size_t)c->n_x, H = (size_t)c->n_h;
    if (r->n.blocks && !r->n.acted)
        return RSSM_EORDER;
    if (!all_finite(b->x, X) || !all_finite(b->phi, p->width[REPLAY_PHI]) ||
        !all_finite(b->a0, p->width[REPLAY_A0]))
        return RSSM_ENONFINITE;
    if (r->n.fresh || !r->n.blocks)
        memset(r->h, 0, H * sizeof *r->h);
    else
        net_advance(&r->net, r->w, &r->imagined, r->h, r->h, r->z, r->e, r->u, 0, 1);
    if (!r->n.frozen)
        whiten_update(r->x_mean, r->x_var, b->x, X, r->n.blocks, c->whiten_rate);
    whiten_apply(r->xw, b->x, r->x_mean, r->x_var, X);
    net_encode(&r->net, r->w, &r->imagined, r->xw, 1);
    memcpy(r->e, r->imagined.e, (size_t)c->n_e * sizeof(float));
    net_posterior(&r->net, r->w, &r->imagined, r->h, r->e, 0, 1);
    memcpy(r->q, r->imagined.q, 2 * (size_t)c->n_z * sizeof(float));
    float eps[c->n_z];
    for (int i = 0; i < c->n_z; i++)
        eps[i] = rng_normal(&r->n.live);
    latent_sample(r->z, r->q, eps, 1, c->n_z);

    *serial = r->n.blocks++;
    r->n.fresh = 0;
    r->n.acted = 0;
    replay_clear(p, *serial);
    memcpy(replay_at(p, REPLAY_X, *serial), b->x, X * sizeof(float));
    memcpy(replay_at(p, REPLAY_PHI, *serial), b->phi, p->width[REPLAY_PHI] * sizeof(float));
    memcpy(replay_at(p, REPLAY_A0, *serial), b->a0, p->width[REPLAY_A0] * sizeof(float));
    memcpy(replay_at(p, REPLAY_H, *serial), r->h, H * sizeof(float));
    return RSSM_OK;
}

void rssm_begin(struct rssm *r)
{
    r->n.live.counter = 0;
    r->n.fresh = 1;
    r->n.whole = 1;
}

void rssm_freeze(struct rssm *r)
{
    r->n.frozen = 1;
}

int rssm_act(struct rssm *r, const float *u)
{
    size_t U = (size_t)r->c.n_u;
    if (!r->n.blocks || r->n.acted)
        return RSSM_EORDER;
    if (!all_finite(u, U))
        return RSSM_ENONFINITE;
    memcpy(r->u, u, U * sizeof *u);
    memcpy(replay_at(&r->replay, REPLAY_U, r->n.blocks - 1), u, U * sizeof *u);
    r->n.acted = 1;
    rssm_shadow(r);
    return RSSM_OK;
}

/* The forecast was made without this target, so its error says how far predicted deviations may be trusted.
 */
static void score(struct rssm *r, const float *shadow, float dl)
{
    if (!(shadow[1] > 0))
        return;
    float d = dl - shadow[0], square = fminf(d * d / shadow[1], SCORE_LIMIT);
    float a = fmaxf(1.0f / (float)(SCORE_PRIOR + ++r->n.scored), SCORE_RATE);
    r->surprise += a * (square - r->surprise);
}

int rssm_target(struct rssm *r, uint64_t serial, const struct rssm_target *t)
{
    const struct rssm_config *c = &r->c;
    struct replay *p = &r->replay;
    if (!replay_holds(p, r->n.blocks, serial))
        return RSSM_EGONE;
    if (t->dl && !isfinite(*t->dl))
        return RSSM_ENONFINITE;
    if (t->a && replay_set_coefficients(p, c, serial, t->a, t->gram))
        return RSSM_ENONFINITE;
    if (t->dl) {
        float *known = replay_at(p, REPLAY_HAS_DL, serial);
        if (*known == 0) {
            score(r, replay_at(p, REPLAY_SHADOW, serial), *t->dl);
            whiten_update(&r->dl_mean, &r->dl_var, t->dl, 1, r->n.changes++, c->whiten_rate);
        }
        *replay_at(p, REPLAY_DL, serial) = *t->dl;
        *known = 1;
    }
    return RSSM_OK;
}
