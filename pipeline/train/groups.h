/*
 * groups.h - the groups of tensors that are forecast alike: kind x third of the depth
 *
 * Embedding and output matrix are groups of their own; all gains of a third are one.
 */
#ifndef TRAIN_GROUPS_H
#define TRAIN_GROUPS_H

#include "kernels/ops.h"
#include "pipeline/model/params.h"

enum { GROUPS_MAX = 32 };

struct group {
    enum param_kind kind; /* gains: PARAM_NORM_ATTN stands for all */
    int third;            /* 0..2; of embedding and output matrix 0 */
    size_t n;             /* weights */
};

struct groups {
    struct group v[GROUPS_MAX];
    int count;
    struct span *spans; /* owned: one a tensor */
    int n_spans;
};

int groups_make(struct groups *g, const struct params *layout, int layers); /* -1: no memory */
void groups_free(struct groups *g);

#endif
