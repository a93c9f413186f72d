/*
 * heads.h - what the ensemble says of a state: coefficients of every group, loss of the next block
 *
 * All members side by side in wide layers. The first layer of the coefficients' network is split into the
 * part that all groups share ([h, z]) and each group's own (phi_g), so that a group costs little.
 *   raw (M, k) of a group: the coefficients
 *   raw (M, 2) of a row:   mean and log variance of the loss
 * The last layers are zero at the start: then c = a0, dL = the mean of the targets.
 */
#ifndef RSSM_HEADS_H
#define RSSM_HEADS_H

#include "pipeline/train/hybrid/rssm/linear.h"
#include "pipeline/train/hybrid/rssm/rssm.h"

struct heads {
    int groups, k, members;
    struct linear state, phi,
        out;       /* [h, z] -> (M hidden), phi_g -> (M hidden), each member's hidden -> (k) */
    struct mlp dl; /* [h, z, u] -> M times 2 */
};

struct heads_cache {       /* for n rows; owned by whoever made it */
    real *shared;          /* (n, M hidden) */
    real *act, *sig;       /* (n G, M hidden) */
    real *raw;             /* (n G, M, k) */
    real *dl_act, *dl_sig; /* (n, M dl_hidden) */
    real *dl_raw;          /* (n, M, 2) */
};

void heads_layout(struct heads *d, const struct rssm_config *c, size_t *next);
/* raw from hz (n, H + Z) and phi (n G, n_phi). */
void heads_groups(const struct heads *d, const real *w, struct heads_cache *k, const real *hz,
                  const real *phi, int n);
/* dl_raw from hzu (n, H + Z + U). */
void heads_change(const struct heads *d, const real *w, struct heads_cache *k, const real *hzu, int n);
/* draw, ddl_raw as raw, dl_raw. Adds to dhz and dhzu. scratch: as act. The cache's act and shared are lost.
 */
void heads_backward(const struct heads *d, const real *w, real *g, struct heads_cache *k, const real *draw,
                    const real *ddl_raw, const real *hz, const real *hzu, const real *phi, real *dhz,
                    real *dhzu, real *scratch, int n);

#define HEADS_REACH ((real)0.5) /* how far a coefficient may leave the prior (a guess) */
#define HEADS_LOG_VARIANCE                                                                                   \
    ((real)6) /* log variances stay within +-6, smoothly: no one target blows up a NLL */

real heads_coefficient(real a0, real raw); /* a0 + 0.5 tanh(raw) */
real heads_log_variance(real raw);

#endif
