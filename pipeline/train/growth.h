/*
 * growth.h - how many layers take part in each step: depth as a pure function of the step
 *
 *   "1@0,6@75%"   one layer from the start, six from three quarters of the steps on
 *   "2@0,4@300,8@60%"
 *   "off"         all layers always
 *   "auto"        one layer, all of them from GROWTH_AUTO of the steps on
 *
 * Early steps of a shallow model teach embedding and first layers what those of the deep one would, at a
 * fraction of its price; layers that join late are said to catch up (arXiv:2511.04981). Measured here
 * (docs/results/engine.md): not within the same time. Layers 0 .. depth-1 take part. Those that wait keep
 * their first values, with output projections of zero: the model of full depth that checkpoints hold then
 * computes exactly what the shallow one does.
 */
#ifndef TRAIN_GROWTH_H
#define TRAIN_GROWTH_H

#include <stddef.h>
#include <stdint.h>

#include "pipeline/model/config.h"

enum { GROWTH_STAGES = 16 };

struct growth_stage {
    uint64_t step; /* the first that it takes, from 0 */
    int depth;
};

struct growth {
    struct growth_stage stage[GROWTH_STAGES];
    int n;
};

/* least: steps that must be left once the last layers have joined. 0, or -1 and err says what is wrong with
 * the words (a clause). */
int growth_parse(struct growth *g, const char *words, int layers, uint64_t steps, uint64_t least, char *err,
                 size_t cap);
int growth_depth(const struct growth *g, uint64_t step);
/* The step from which on the depth has been what it is at `step`. */
uint64_t growth_since(const struct growth *g, uint64_t step);
/* FLOPs that training one token in each of the steps from .. to-1 takes. */
double growth_flops(const struct growth *g, const struct model_config *m, int T, uint64_t from, uint64_t to);

#endif
