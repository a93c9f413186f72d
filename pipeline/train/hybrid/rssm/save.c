/*
 * save.c - the model's state as arrays, and what they must satisfy when they come from a file
 */
#include "pipeline/train/hybrid/rssm/model.h"

#include <stdio.h>
#include <string.h>

enum { N_STATE = 13, N_ARRAYS = N_STATE + N_REPLAY + 1 };

static size_t list(struct rssm *r, struct state_array v[N_ARRAYS])
{
    const struct rssm_config *c = &r->c;
    size_t n = r->net.n_weights, X = (size_t)c->n_x, count = N_STATE;
    const struct state_array state[N_STATE] = {
        {"rssm.weights", ARRAY_F32, r->w, n},
        {"rssm.adam.m", ARRAY_F32, r->m, n},
        {"rssm.adam.v", ARRAY_F32, r->v, n},
        {"rssm.x.mean", ARRAY_F32, r->x_mean, X},
        {"rssm.x.variance", ARRAY_F32, r->x_var, X},
        {"rssm.dl.mean", ARRAY_F32, &r->dl_mean, 1},
        {"rssm.dl.variance", ARRAY_F32, &r->dl_var, 1},
        {"rssm.dl.surprise", ARRAY_F32, &r->surprise, 1},
        {"rssm.h", ARRAY_F32, r->h, (size_t)c->n_h},
        {"rssm.e", ARRAY_F32, r->e, (size_t)c->n_e},
        {"rssm.q", ARRAY_F32, r->q, 2 * (size_t)c->n_z},
        {"rssm.z", ARRAY_F32, r->z, (size_t)c->n_z},
        {"rssm.u", ARRAY_F32, r->u, (size_t)c->n_u},
    };
    memcpy(v, state, sizeof state);
    for (int f = 0; f < N_REPLAY; f++)
        v[count++] = (struct state_array){replay_name(f), ARRAY_F32, r->replay.field[f],
                                          r->replay.capacity * r->replay.width[f]};
    v[count++] = (struct state_array){"rssm.counters", ARRAY_U64, &r->n, sizeof r->n / sizeof(uint64_t)};
    return count;
}

size_t rssm_arrays(struct rssm *r, struct state_array *out, size_t cap)
{
    struct state_array v[N_ARRAYS];
    size_t n = list(r, v);
    memcpy(out, v, (n < cap ? n : cap) * sizeof *v);
    return n;
}

enum rule { ANY, NOT_NEGATIVE, FLAG };

static enum rule rule_of(const char *name)
{
    static const struct {
        const char *name;
        enum rule rule;
    } rules[] = {{"rssm.adam.v", NOT_NEGATIVE},      {"rssm.x.variance", NOT_NEGATIVE},
                 {"rssm.dl.variance", NOT_NEGATIVE}, {"rssm.dl.surprise", NOT_NEGATIVE},
                 {"rssm.replay.has_a", FLAG},        {"rssm.replay.has_dl", FLAG}};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (!strcmp(rules[i].name, name))
            return rules[i].rule;
    return ANY;
}

static const char *wrong(float x, enum rule rule)
{
    if (!isfinite(x))
        return "is not finite";
    if (rule == NOT_NEGATIVE && x < 0)
        return "is negative";
    if (rule == FLAG && x != 0 && x != 1)
        return "is neither 0 nor 1";
    return NULL;
}

static const char *wrong_counters(const struct rssm *r)
{
    const struct rssm_counters *n = &r->n;
    const uint64_t limit = (uint64_t)1 << 48; /* no run is that long; sums stay exact */
    if (n->blocks > limit || n->updates > limit || n->live.counter > limit || n->train.counter > limit)
        return "a count is out of range";
    if (n->fresh > 1 || n->whole > 1 || n->frozen > 1)
        return "a flag is neither 0 nor 1";
    if (n->acted > 1 || (n->acted && !n->blocks))
        return "an action without a block";
    if (n->changes > n->blocks || n->scored > n->changes)
        return "more changes of loss than blocks";
    if (n->live.seed != rng_hash(r->c.seed, 0) || n->train.seed != rng_hash(r->c.seed, 1))
        return "another seed";
    return NULL;
}

int rssm_check(struct rssm *r, char *err, size_t cap)
{
    struct state_array v[N_ARRAYS];
    size_t n = list(r, v);
    for (size_t i = 0; i < n; i++) {
        if (v[i].type != ARRAY_F32)
            continue;
        enum rule rule = rule_of(v[i].name);
        for (size_t j = 0; j < v[i].n; j++) {
            const char *why = wrong(((const float *)v[i].data)[j], rule);
            if (why) {
                snprintf(err, cap, "%s[%zu] %s", v[i].name, j, why);
                return -1;
            }
        }
    }
    const char *why = wrong_counters(r);
    if (why) {
        snprintf(err, cap, "rssm.counters: %s", why);
        return -1;
    }
    return 0;
}
