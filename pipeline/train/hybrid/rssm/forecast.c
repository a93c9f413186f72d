/*
 * forecast.c - imagination: S trajectories on the prior, every member's reading of each
 */
#include "pipeline/train/hybrid/rssm/model.h"

#include "pipeline/train/hybrid/rssm/latent.h"
#include "pipeline/train/hybrid/rssm/whiten.h"

#include <stdlib.h>
#include <string.h>

int rssm_forecast_alloc(struct rssm_forecast *f, const struct rssm_config *c)
{
    size_t N = (size_t)c->max_blocks, coefficients = N * (size_t)c->groups * (size_t)c->k;
    *f = (struct rssm_forecast){.c = calloc(2 * (coefficients + N), sizeof(float))};
    if (!f->c)
        return -1;
    f->c_std = f->c + coefficients;
    f->dl = f->c_std + coefficients;
    f->dl_std = f->dl + N;
    return 0;
}

void rssm_forecast_free(struct rssm_forecast *f)
{
    free(f->c); /* one allocation, of which c is the first part */
    *f = (struct rssm_forecast){0};
}

struct trajectories { /* S rows each, in r->rows */
    float *h, *next, *z, *e, *u, *phi;
};

static void repeat(float *to, const float *row, size_t width, size_t n)
{
    for (size_t i = 0; i < n; i++)
        memcpy(to + i * width, row, width * sizeof *to);
}

static void draw(struct rssm *r, float *z, const float *dist)
{
    size_t Z = (size_t)r->c.n_z;
    float eps[Z];
    for (int s = 0; s < r->c.samples; s++) {
        for (size_t i = 0; i < Z; i++)
            eps[i] = rng_normal(&r->n.live);
        latent_sample(z + (size_t)s * Z, dist + (size_t)s * 2 * Z, eps, 1, (int)Z);
    }
}

static struct trajectories begin(struct rssm *r)
{
    const struct rssm_config *c = &r->c;
    size_t S = (size_t)c->samples, H = (size_t)c->n_h, Z = (size_t)c->n_z, E = (size_t)c->n_e;
    struct trajectories t;
    t.h = r->rows;
    t.next = t.h + S * H;
    t.z = t.next + S * H;
    t.e = t.z + S * Z;
    t.u = t.e + S * E;
    t.phi = t.u + S * (size_t)c->n_u;
    repeat(t.h, r->h, H, S);
    repeat(t.e, r->e, E, S);
    repeat(t.phi, replay_at(&r->replay, REPLAY_PHI, r->n.blocks - 1), r->replay.width[REPLAY_PHI], S);
    repeat(r->imagined.q, r->q, 2 * Z, S);
    draw(r, t.z, r->imagined.q);
    return t;
}

/* One block later: what the decoder expects to be seen is encoded as if it had been. */
static void advance(struct rssm *r, struct trajectories *t, int first)
{
    const struct rssm_config *c = &r->c;
    struct net_work *k = &r->imagined;
    int S = c->samples;
    if (!first) {
        for (size_t i = 0; i < (size_t)S * (size_t)c->n_x; i++)
            k->y[i] = fminf(fmaxf(k->y[i], -WHITEN_LIMIT), WHITEN_LIMIT);
        net_encode(&r->net, r->w, k, k->y, S);
        memcpy(t->e, k->e, (size_t)S * (size_t)c->n_e * sizeof(float));
    }
    net_advance(&r->net, r->w, k, t->next, t->h, t->z, t->e, t->u, 0, S);
    float *h = t->h;
    t->h = t->next;
    t->next = h;
    mlp_forward(&r->net.prior, r->w, k->p, t->h, k->prior_act, k->prior_sig, S);
    draw(r, t->z, k->p);
}

struct moments {
    double n, sum, squares, variance;
};

static void add(struct moments *m, double x, double variance)
{
    m->n += 1;
    m->sum += x;
    m->squares += x * x;
    m->variance += variance;
}

static void close_moments(const struct moments *m, float *mean, float *deviation)
{
    double mu = m->sum / m->n, v = fmax(m->squares / m->n - mu * mu, 0) + m->variance / m->n;
    *mean = (float)mu;
    *deviation = (float)sqrt(v);
}

/* Coefficients of group g in block b, over all trajectories. Moments are of what is added to the prior: its
 * own size must not drown their spread. */
static void read_group(const struct rssm *r, struct rssm_forecast *f, int b, size_t g)
{
    size_t G = (size_t)r->c.groups, k = (size_t)r->c.k, M = (size_t)r->c.members, at = (size_t)b * G + g;
    const float *a0 = replay_at(&r->replay, REPLAY_A0, r->n.blocks - 1) + g * k;
    for (size_t j = 0; j < k; j++) {
        struct moments m = {0};
        for (size_t s = 0; s < (size_t)r->c.samples; s++)
            for (size_t i = 0; i < M; i++)
                add(&m, (double)heads_coefficient(0, r->imagined.heads.raw[((s * G + g) * M + i) * k + j]),
                    0);
        close_moments(&m, &f->c[at * k + j], &f->c_std[at * k + j]);
        f->c[at * k + j] += a0[j];
    }
}

/* The mean and the variance that trajectory i gives dL, less dl_mean. */
static void change_of(const struct rssm *r, size_t i, double *mean, double *variance)
{
    const float *raw = r->imagined.heads.dl_raw + 2 * i;
    *mean = sqrt((double)r->dl_var) * (double)raw[0];
    *variance = (double)r->dl_var * exp((double)heads_log_variance(raw[1]));
}

void rssm_shadow(struct rssm *r)
{
    struct trajectories t = begin(r);
    struct moments m = {0};
    float *shadow = replay_at(&r->replay, REPLAY_SHADOW, r->n.blocks - 1), deviation;
    repeat(t.u, r->u, (size_t)r->c.n_u, (size_t)r->c.samples);
    net_change(&r->net, r->w, &r->imagined, t.h, t.z, t.u, r->c.samples);
    for (size_t i = 0; i < (size_t)r->c.samples * (size_t)r->c.members; i++) {
        double mean, variance;
        change_of(r, i, &mean, &variance);
        add(&m, mean, variance);
    }
    close_moments(&m, &shadow[0], &deviation);
    shadow[0] += r->dl_mean;
    shadow[1] = deviation * deviation;
}

static void read_change(const struct rssm *r, struct rssm_forecast *f, int b)
{
    struct moments m = {0};
    for (size_t i = 0; i < (size_t)r->c.samples * (size_t)r->c.members; i++) {
        double mean, variance;
        change_of(r, i, &mean, &variance);
        add(&m, mean, variance);
    }
    close_moments(&m, &f->dl[b], &f->dl_std[b]);
    f->dl[b] += r->dl_mean;
    f->dl_std[b] *= sqrtf(r->surprise);
}

int rssm_forecast(struct rssm *r, const float *plan, int blocks, struct rssm_forecast *f)
{
    const struct rssm_config *c = &r->c;
    size_t U = (size_t)c->n_u;
    if (!r->n.blocks)
        return RSSM_EORDER;
    if (blocks < 1 || blocks > c->max_blocks)
        return RSSM_ERANGE;
    for (size_t i = 0; i < (size_t)blocks * U; i++)
        if (!isfinite(plan[i]))
            return RSSM_ENONFINITE;
    f->blocks = blocks;
    struct trajectories t = begin(r);
    for (int b = 0; b < blocks; b++) {
        if (b)
            advance(r, &t, b == 1);
        repeat(t.u, plan + (size_t)b * U, U, (size_t)c->samples);
        net_read(&r->net, r->w, &r->imagined, t.h, t.z, t.u, t.phi, c->samples);
        for (size_t g = 0; g < (size_t)c->groups; g++)
            read_group(r, f, b, g);
        read_change(r, f, b);
    }
    return RSSM_OK;
}
