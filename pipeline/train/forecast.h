/*
 * forecast.h - the loss at the end of a run, from its losses so far
 *
 *   loss(t) = E + A S(t)^-a - B D(t)          r(t): learning rate over its peak; S(t) = sum of r up to t
 *   D(t)    = sum over steps k <= t of the decay of (r(k-1) - r(k)) G((S(t) - S(k)) / (MEMORY r(k)))
 *   G(x)    = x / (1 + x)
 *
 * The form of the Multi-Power Law (arXiv:2503.12811): a power law of the learning rates' sum, less what a
 * falling rate gains, which comes with a delay. E, A, B are found by least squares with priors in units of
 * the present loss (that of E by the tokens that a weight has seen), for each a of a grid, and the grid is
 * averaged by evidence. A run shows B only once its rate falls: before, the prior speaks. MEMORY and the
 * priors are fitted to recorded runs (docs/results/engine.md).
 *
 * Pure: numbers in, a forecast out. Losses are kept as means of equally long blocks, two of which become one
 * when there is no more room.
 */
#ifndef TRAIN_FORECAST_H
#define TRAIN_FORECAST_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline/train/schedule.h"

enum { FORECAST_BLOCKS = 256 };

struct losses {
    uint64_t from;                 /* step of the first, counted from 0: earlier ones were of another depth */
    uint64_t width;                /* steps of a block */
    uint64_t n;                    /* steps added */
    double tokens;                 /* that a step has for each weight of the model */
    double block[FORECAST_BLOCKS]; /* mean loss; the last one may be unfinished */
};

void losses_begin(struct losses *l, uint64_t from, double tokens);
void losses_add(struct losses *l, double loss); /* one that is not finite counts as the mean of its block */

struct forecast {
    double loss, low, high; /* mean over the last steps of a run, and where 95 of 100 should lie */
};

/* of: the schedule as it is, or of a longer or shorter run that began alike. false: too few steps yet. */
bool forecast_make(const struct losses *l, const struct schedule *now, const struct schedule *of,
                   struct forecast *out);
/* The same around any of its steps. */
bool forecast_at(const struct losses *l, const struct schedule *now, const struct schedule *of, double step,
                 struct forecast *out);

#endif
