/*
 * guard.h - tells a step worth learning from one that would spoil the weights
 *
 * Pure: numbers in, verdict out. The window of recent losses is part of the checkpoint, since with
 * --skip-spikes it decides what is learnt.
 */
#ifndef TRAIN_GUARD_H
#define TRAIN_GUARD_H

#include <stdint.h>

enum {
    GUARD_WINDOW = 64,
    GUARD_PATIENCE =
        8, /* spikes in a row after which that is the new level: the window begins again (guess) */
};

enum verdict { STEP_OK, STEP_BAD_LOSS, STEP_BAD_GRADIENT, STEP_SPIKE };

struct guard {
    double loss[GUARD_WINDOW]; /* of the last steps that were neither bad nor spikes; a ring */
    uint64_t n;                /* how many there were in all: next goes to n % GUARD_WINDOW */
    uint64_t bad_in_a_row, bad, spikes_in_a_row, spikes;
};

/* Spike: loss > mean + sigma * deviation of a full window, the deviation taken as at least 1 % of the mean.
 */
enum verdict guard_judge(struct guard *g, double loss, double grad_norm, double sigma);
const char *verdict_name(enum verdict v); /* "ok", "nan_loss", "nan_gradient", "spike" */

#endif
