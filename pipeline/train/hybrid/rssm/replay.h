/*
 * replay.h - the last blocks with all that training needs of them, in a ring
 *
 * Block `serial` lies at serial % capacity. A target's weight is 0 until it is given.
 */
#ifndef RSSM_REPLAY_H
#define RSSM_REPLAY_H

#include "pipeline/train/hybrid/rssm/net.h"

enum replay_field {
    REPLAY_X,
    REPLAY_U,
    REPLAY_PHI,
    REPLAY_A0,
    REPLAY_A,
    REPLAY_GRAM,
    REPLAY_HAS_A,
    REPLAY_DL,
    REPLAY_HAS_DL,
    REPLAY_SHADOW, /* mean and variance of dL as forecast when the action was known, the outcome not */
    REPLAY_H,      /* the recurrent state the block was met with */
    N_REPLAY
};

struct replay {
    size_t capacity;
    size_t width[N_REPLAY]; /* floats a block */
    float *field[N_REPLAY]; /* (capacity, width), owned */
};

const char *replay_name(enum replay_field f);                    /* "rssm.replay.x" */
int replay_alloc(struct replay *r, const struct rssm_config *c); /* -1: no memory */
void replay_free(struct replay *r);
float *replay_at(const struct replay *r, enum replay_field f, uint64_t serial);
/* Makes room for block `serial`: without targets, everything 0. */
void replay_clear(struct replay *r, uint64_t serial);
/* Whether block `serial` of `count` in all is held. */
int replay_holds(const struct replay *r, uint64_t count, uint64_t serial);
/* -2 (RSSM_ENONFINITE): nothing was changed. Gram matrices are stored symmetric, with trace 1. */
int replay_set_coefficients(struct replay *r, const struct rssm_config *c, uint64_t serial, const float *a,
                            const float *gram);

#endif
