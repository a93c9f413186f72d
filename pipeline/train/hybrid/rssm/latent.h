/*
 * latent.h - diagonal Gaussians: samples, divergence and their derivatives
 *
 * A distribution is a row (2 Z): Z means m, then Z raw scales s; deviation = LATENT_MIN_STD + softplus(s).
 */
#ifndef RSSM_LATENT_H
#define RSSM_LATENT_H

#include "pipeline/train/hybrid/rssm/real.h"

#define LATENT_MIN_STD ((real)0.1) /* Hafner et al. 2019, arXiv:1811.04551 */

real latent_std(real raw);
/* z = m + deviation * eps, rows (n, Z). */
void latent_sample(real *z, const real *dist, const real *eps, int n, int Z);
/* Adds to ddist. */
void latent_sample_backward(real *ddist, const real *dz, const real *dist, const real *eps, int n, int Z);
/* KL(q || p) of one row, nats. */
real latent_kl(const real *q, const real *p, int Z);
/* Adds weight_q * dKL/dq to dq and weight_p * dKL/dp to dp: of one row. Unequal weights are KL balancing:
 * each side is trained as if the other were constant (Hafner et al. 2021, arXiv:2010.02193, algorithm 2). */
void latent_kl_backward(real *dq, real *dp, const real *q, const real *p, real weight_q, real weight_p,
                        int Z);

#endif
