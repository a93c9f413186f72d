/*
 * schedule.h - learning rate as a pure function of the step
 *
 *   wsd       linear warm-up, constant peak, cosine decay to min_ratio * peak
 *   cosine    linear warm-up, cosine from the peak to min_ratio * peak at the last step
 *   constant  linear warm-up, then the peak
 *   merge     as constant; a forecast stands for the decay (finish.h)
 *
 * The warm-up's last step has the peak, the decay's last step is the last of all and has exactly min_ratio *
 * peak. Source: Hu et al. 2024, arXiv:2404.06395 (WSD); Loshchilov & Hutter 2016, arXiv:1608.03983 (cosine).
 */
#ifndef TRAIN_SCHEDULE_H
#define TRAIN_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

enum schedule_kind { SCHEDULE_WSD, SCHEDULE_COSINE, SCHEDULE_CONSTANT, SCHEDULE_MERGE };

struct schedule {
    enum schedule_kind kind;
    uint64_t steps;
    double peak;
    double warmup, decay; /* shares of steps */
    double min_ratio;
};

double schedule_lr(const struct schedule *s,
                   uint64_t step); /* step counts from 0; beyond the last: as the last */
/* The steps in which the weights drift steadily and may be extrapolated: after the warm-up, before the decay.
 * Cosine has no plateau: there, until the decay has taken a quarter of the way down. */
bool schedule_stable(const struct schedule *s, uint64_t step);
uint64_t schedule_warm_steps(const struct schedule *s);
/* The first step of the decay of wsd; of the other kinds, which have none, the number of steps. */
uint64_t schedule_decay_begin(const struct schedule *s);

#endif
