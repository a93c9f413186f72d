#include "pipeline/train/hybrid/rssm/replay.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *replay_name(enum replay_field f)
{
    static const char *const names[N_REPLAY] = {"rssm.replay.x",      "rssm.replay.u",  "rssm.replay.phi",
                                                "rssm.replay.a0",     "rssm.replay.a",  "rssm.replay.gram",
                                                "rssm.replay.has_a",  "rssm.replay.dl", "rssm.replay.has_dl",
                                                "rssm.replay.shadow", "rssm.replay.h"};
    return names[f];
}

int replay_alloc(struct replay *r, const struct rssm_config *c)
{
    size_t G = (size_t)c->groups, k = (size_t)c->k;
    const size_t width[N_REPLAY] = {
        (size_t)c->n_x, (size_t)c->n_u, G * (size_t)c->n_phi, G * k, G * k, G * k * k, G, 1, 1, 2,
        (size_t)c->n_h};
    *r = (struct replay){.capacity = (size_t)c->capacity};
    for (int f = 0; f < N_REPLAY; f++) {
        r->width[f] = width[f];
        r->field[f] = calloc(r->capacity * width[f], sizeof(float));
        if (!r->field[f]) {
            replay_free(r);
            return -1;
        }
    }
    return 0;
}

void replay_free(struct replay *r)
{
    for (int f = 0; f < N_REPLAY; f++) {
        free(r->field[f]);
        r->field[f] = NULL;
    }
}

float *replay_at(const struct replay *r, enum replay_field f, uint64_t serial)
{
    return r->field[f] + serial % r->capacity * r->width[f];
}

void replay_clear(struct replay *r, uint64_t serial)
{
    for (int f = 0; f < N_REPLAY; f++)
        memset(replay_at(r, f, serial), 0, r->width[f] * sizeof(float));
}

int replay_holds(const struct replay *r, uint64_t count, uint64_t serial)
{
    return serial < count && count - serial <= r->capacity;
}

static int all_finite(const float *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(v[i]))
            return 0;
    return 1;
}

/* (k, k) -> symmetric with trace 1; 0 when it has no positive trace */
static int normalise(float *to, const float *gram, size_t k)
{
    double trace = 0;
    for (size_t i = 0; i < k; i++)
        trace += (double)gram[i * k + i];
    if (!(trace > 0))
        return 0;
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < k; j++)
            to[i * k + j] = (float)(((double)gram[i * k + j] + (double)gram[j * k + i]) / (2 * trace));
    return 1;
}

int replay_set_coefficients(struct replay *r, const struct rssm_config *c, uint64_t serial, const float *a,
                            const float *gram)
{
    size_t k = (size_t)c->k;
    if (!all_finite(a, r->width[REPLAY_A]) || !all_finite(gram, r->width[REPLAY_GRAM]))
        return RSSM_ENONFINITE;
    memcpy(replay_at(r, REPLAY_A, serial), a, r->width[REPLAY_A] * sizeof *a);
    for (size_t g = 0; g < (size_t)c->groups; g++) {
        float *to = replay_at(r, REPLAY_GRAM, serial) + g * k * k;
        replay_at(r, REPLAY_HAS_A, serial)[g] = (float)normalise(to, gram + g * k * k, k);
    }
    return 0;
}
