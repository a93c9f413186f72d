/*
 * model.h - what is inside struct rssm; for the files of this directory
 */
#ifndef RSSM_MODEL_H
#define RSSM_MODEL_H

#include "pipeline/train/hybrid/rssm/replay.h"
#include "pipeline/train/hybrid/rssm/rng.h"
#include "pipeline/train/hybrid/rssm/rssm.h"

_Static_assert(sizeof(real) == sizeof(float), "only tests of net.h use another type");

struct rssm_counters { /* saved as an array of u64, in this order */
    uint64_t blocks;   /* observed */
    uint64_t acted;    /* 1: since the last observe */
    uint64_t changes;  /* targets of dL seen */
    uint64_t updates;  /* of Adam */
    uint64_t fresh;    /* 1: a sequence begins with the next block */
    uint64_t whole;    /* 1: sequences are replayed whole */
    uint64_t frozen;   /* 1: x is whitened by what it was whitened by so far */
    uint64_t scored;   /* shadow forecasts of dL that met their outcome */
    struct rng live, train;
};

struct rssm {
    struct rssm_config c;
    struct net net;
    float *w, *m, *v, *g;  /* (n_weights) */
    float *x_mean, *x_var; /* (n_x) */
    float dl_mean, dl_var;
    float surprise;                /* running mean of the squared error of shadow forecasts in deviations */
    float *h, *e, *q, *z, *u, *xw; /* of the last block: (H) (E) (2 Z) (Z) (U) (n_x) */
    struct replay replay;
    struct rssm_counters n;
    struct net_input in; /* a train step's */
    struct net_work work;
    struct net_work imagined; /* for the live state and forecasts: `samples` rows */
    float *rows;              /* (samples, n_u + G n_phi + 2 H + Z + E) what forecasts feed it */
    real *memory[3];
    float *state; /* all that is saved but the replay buffer: one allocation */
};

/* Forecasts dL for the last block under its action, into the replay buffer: to be scored when its outcome is
 * told. */
void rssm_shadow(struct rssm *r);

#endif
