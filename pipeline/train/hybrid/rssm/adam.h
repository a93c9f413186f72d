/*
 * adam.h - Adam with the whole gradient's norm clipped (Kingma & Ba 2015, arXiv:1412.6980, algorithm 1)
 */
#ifndef RSSM_ADAM_H
#define RSSM_ADAM_H

#include <stddef.h>
#include <stdint.h>

#include "pipeline/train/hybrid/rssm/rssm.h"

/* sqrt of the sum of squares, summed in double */
double adam_norm(const float *g, size_t n);
/* w, m, v: (n), updated. t: which update this is, from 1. The gradient is g times scale. */
void adam_update(const struct rssm_config *c, float *w, float *m, float *v, const float *g, size_t n,
                 uint64_t t, float scale);

#endif
