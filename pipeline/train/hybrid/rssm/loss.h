/*
 * loss.h - the terms of the loss of a batch and their derivatives at the network's outputs
 */
#ifndef RSSM_LOSS_H
#define RSSM_LOSS_H

#include "pipeline/train/hybrid/rssm/real.h"
#include "pipeline/train/hybrid/rssm/rssm.h"

struct loss_targets {  /* of n rows; weights are 0 where a target is missing */
    real *a0, *a;      /* (n, G, k) */
    real *gram;        /* (n, G, k, k) symmetric, trace 1 */
    real *has_a;       /* (n, G) */
    real *dl, *has_dl; /* (n) in units of the running deviation */
    real *member;      /* (n, M) bootstrap weights, 0 or 1 */
};

struct loss {
    double total;               /* what is differentiated */
    double coef, dl, recon, kl; /* means over what has a target; kl in nats, unweighted */
};

/* All gradients are overwritten and those of the mean over n rows. */

/* raw: (n G, M, k), of heads. Adds to loss. */
void loss_groups(const struct rssm_config *c, struct loss *loss, real *draw, const real *raw,
                 const struct loss_targets *t, int n);
/* raw: (n, M, 2) */
void loss_change(const struct rssm_config *c, struct loss *loss, real *draw, const real *raw,
                 const struct loss_targets *t, int n);
/* y, x: (n, n_x) */
void loss_reconstruction(const struct rssm_config *c, struct loss *loss, real *dy, const real *y,
                         const real *x, int n);
/* q, p: (n, 2 Z). Adds to nothing but loss; dq and dp overwritten. */
void loss_divergence(const struct rssm_config *c, struct loss *loss, real *dq, real *dp, const real *q,
                     const real *p, int n);

#endif
