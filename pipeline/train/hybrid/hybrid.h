/*
 * hybrid.h - what the parts of the hybrid engine share: sizes and settings
 *
 * The parts are pure: numbers in, decision out. ../engine.h acts on them. Every state is a plain struct of
 * 8-byte members (double, uint64_t), so that a checkpoint holds it as it is.
 *
 * A group is all tensors of one kind in one third of the depth. Directions D_0 .. D_3 of every group, in
 * weights per step: 0  mean displacement of the last block        1  displacement, average of about 100 steps
 *   2  the same, about 500 steps                  3  average of what forecasts missed
 */
#ifndef HYBRID_HYBRID_H
#define HYBRID_HYBRID_H

#include <stdbool.h>
#include <stdint.h>

enum {
    HYBRID_K = 4,        /* directions */
    HYBRID_GROUPS = 32,  /* most groups */
    HYBRID_SCALES = 4,   /* jump scales that the bandit tries, beside none */
    HYBRID_PREFIXES = 8, /* most sub-jumps */
};

/* Coefficients of the directions, by group. */
typedef double hybrid_coef[HYBRID_GROUPS][HYBRID_K];

enum hybrid_jumps { JUMPS_ON, JUMPS_PROBE /* probes are paid, nothing is applied */, JUMPS_OFF };
/* How a test spoils the first jump. */
enum hybrid_fault { FAULT_NONE, FAULT_NAN, FAULT_WILD, FAULT_BLIND, FAULT_STORE };

struct hybrid_config { /* defaults: ../settings.c */
    enum hybrid_jumps jumps;
    enum hybrid_fault fault;       /* for tests */
    bool random;                   /* coefficients of the right length in random directions */
    bool gate0;                    /* also score forecasts of 45 and 90 steps */
    uint64_t warmup, warmup_max;   /* steps of WARMUP: at least, at most */
    uint64_t full, correct, block; /* steps of a phase; of a block */
    double horizon, horizon_min, horizon_max, grow, shrink; /* virtual steps; factors on accept and reject */
    uint64_t sub_jumps;
    double scale_max;         /* the largest jump scale; the others are its half, quarter, eighth */
    double drift;             /* share of the forecast that is added at every real step */
    double ridge, prior_keep; /* of the analytic prior: eps / (trace / k); memory from block to block */
    double mean_steps;        /* tau of the averaged weights */
    double control;           /* share of cycles that are randomised to no jump */
    double confidence;        /* least P(gain) for a jump */
    double bandit_keep;       /* memory from cycle to cycle */
    uint64_t trials;          /* of each scale, before its posterior must be positive */
    double
        probe_tokens; /* 0: an eighth of the batch, so that the eight or so of a cycle take about 1 % of it */
    double accept_z, reject_se;
    double norm_limit;          /* longest jump per virtual step, in lengths of a real step */
    uint64_t store, neighbours; /* residual store: entries, 0: none; of a lookup */
    double age, rls_keep, knn_share, correction_norm;
    uint64_t members, latent, replay, learn_steps; /* of the learned dynamics; training steps a block */
    double band;      /* of the gradient's norm, in deviations of its logarithm */
    uint64_t backoff; /* cycles without a jump after a divergence */
};

#endif
