/*
 * recorded.h - losses of runs that were made before, which the build embeds (data/recorded.txt)
 *
 * What forecasts are tested with (tools/forecast-bench, forecast_test), and what --forecast rssm learns from.
 */
#ifndef TRAIN_RECORDED_H
#define TRAIN_RECORDED_H

#include <stddef.h>

#include "pipeline/train/forecast.h"

enum { RECORDED_NAME = 32 };

struct recorded {
    char name[RECORDED_NAME];
    struct schedule schedule; /* peak 1 */
    double tokens;            /* that a step has for each weight */
    uint64_t width;           /* steps that each number is the mean loss of; the last one may have fewer */
    size_t n;
    double *loss; /* (n) owned */
    double end;   /* mean loss of the last 3 % of the steps */
};

/* Returns how many; *runs is freed with recorded_free. A wrong line is a bug of ours, and ends the program.
 */
size_t recorded_runs(struct recorded **runs);
void recorded_free(struct recorded *runs, size_t n);
/* The losses of its first steps. */
struct losses recorded_losses(const struct recorded *r, uint64_t steps);
/* The first losses are the same: one of them tells of the other. */
bool recorded_kin(const struct recorded *a, const struct recorded *b);

#endif
