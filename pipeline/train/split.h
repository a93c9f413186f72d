/*
 * split.h - batch-size warm-up: how many updates a batch is taken in
 *
 * A batch that is split into k parts gives k updates, each by the gradient of its part at the weights that
 * the one before left, at the price of k - 1 more updates and not one more forward or backward pass. Early in
 * training a small part of a batch tells the direction as well as all of it; how much is needed grows with
 * the tokens seen (Merrill et al. 2025, arXiv:2505.23971: the critical batch size is near none at first, and
 * grows; Zhang et al. 2024, arXiv:2410.21676: as a power of 0.47 of the tokens). A part is b = SPLIT_GROWTH
 * sqrt(tokens seen) tokens, but so many that updates do not take much of the time. The learning rate stays as
 * it is (Marek et al. 2025, arXiv:2507.07101: it hardly depends on the batch when the memory of v is kept in
 * tokens, which optim_step does).
 *
 * Pure, and a function of the tokens seen alone: nothing to save.
 */
#ifndef TRAIN_SPLIT_H
#define TRAIN_SPLIT_H

#include <stdint.h>

struct split {
    uint64_t rows, row_tokens; /* of a batch */
    uint64_t fixed;            /* updates that were asked for; 0: warm-up */
    double update_tokens;      /* an update takes as long as so many tokens do */
    double least_tokens;       /* of a part: below, passes are slow */
};

/* Divides the rows; 1: the batch is whole. */
uint64_t split_parts(const struct split *s, uint64_t tokens_seen);

#endif
