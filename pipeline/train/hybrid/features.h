/*
 * features.h - the state of training as numbers of order 1, for the learned dynamics
 *
 * Pure. Order and meaning are fixed by features.c; what whitens x is the model's.
 */
#ifndef HYBRID_FEATURES_H
#define HYBRID_FEATURES_H

#include "pipeline/train/hybrid/prior.h"

enum { FEATURES_X = 64, FEATURES_PHI = 16, FEATURES_U = 16 };

enum feature_class { CLASS_ATTENTION, CLASS_MLP, CLASS_EMBEDDING, CLASS_GAIN, N_CLASSES };

struct feature_group {
    enum feature_class class;
    int third;
    double n; /* weights */
};

struct feature_input { /* at the end of a block */
    int groups;
    struct feature_group group[HYBRID_GROUPS];
    double loss[4];             /* means of this block and the three before; 0: there was none */
    double lr_ratio, progress;  /* of the peak; share of all steps that is done */
    double norm_mean, norm_var; /* of log gradient norm */
    double loss_var;
    double displacement, displacement_before; /* lengths, per step */
    double r2_analytic, r2_learned;           /* of the last block's forecasts */
    double accepted, rejected;                /* jumps so far */
    double jump_horizon, jump_change;         /* of the last one */
    double drift, trend, confidence;
    const struct outcome *now; /* products of the directions and of the mean gradient */
    const double (*best)[HYBRID_K],
        (*missed)[HYBRID_K]; /* a* of the last block, and what the forecast missed of it */
};

void features_x(const struct feature_input *in, float x[FEATURES_X]);
void features_phi(const struct feature_input *in, float phi[][FEATURES_PHI]);

struct feature_action {
    double lr_ratio, virtual_steps, scale, drift, steps;
    bool correct;
    int groups;
    const double (*c)[HYBRID_K]; /* the forecast that acts */
};
void features_u(const struct feature_action *a, float u[FEATURES_U]);

#endif
