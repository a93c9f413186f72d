/*
 * divergence.h - tells when a prediction has led training astray
 *
 * Watches every real step's loss and gradient norm. In doubt when either is not finite; when the loss is a
 * spike; when the logarithm of the norm is more than `band` deviations above its running mean (and at least
 * twice it); when the loss swings: six of the last eight changes alternate in sign and are three times as
 * large as usual. The running statistics take in only steps that were not in doubt, with a memory of 50 steps
 * (a guess); after eight doubts in a row they begin anew: that is the level now.
 */
#ifndef HYBRID_DIVERGENCE_H
#define HYBRID_DIVERGENCE_H

#include "pipeline/train/hybrid/hybrid.h"

enum { DIVERGENCE_CHANGES = 8 };

struct divergence {
    double norm_mean, norm_var; /* of log gradient norm */
    double loss_mean, loss_var;
    double change_square;              /* of loss from step to step */
    double change[DIVERGENCE_CHANGES]; /* ring */
    double last_loss;
    uint64_t n, doubts; /* steps taken in; doubts in a row */
};

/* NULL: all is well. Otherwise what is wrong; static text. */
const char *divergence_judge(struct divergence *d, double loss, double grad_norm, double band);

#endif
