/*
 * metrics.h - metrics.jsonl: what a run says about itself, for monitors and plots. Lines:
 * formats/checkpoint.md.
 */
#ifndef TRAIN_METRICS_H
#define TRAIN_METRICS_H

#include <stdbool.h>

#include "formats/batch.h"
#include "kernels/ops.h"
#include "pipeline/train/forecast.h"
#include "pipeline/train/guard.h"
#include "pipeline/train/logfile.h"
#include "pipeline/train/stopwatch.h"
#include "pipeline/train/validate.h"

struct step_report {
    uint64_t step; /* this was step number .., from 1 */
    enum verdict verdict;
    bool learnt;
    double loss, grad_norm, lr;
    uint64_t tokens;       /* trained on so far */
    double seconds, stall; /* of this step, wall-clock; of those, waiting for data */
    double trained, cpu;   /* the clock of training, at its end */
    uint64_t step_tokens;
    uint64_t updates;          /* that this step was taken in */
    const double *source_loss; /* by source: mean of its rows; NaN without rows */
    uint32_t n_sources;
    const struct sensors *gpu; /* NULL: not asked, or none */
};

void metrics_step(struct logfile *l, const struct step_report *r);
/* A bad step or a spike: which rows. row_loss[B]. */
void metrics_verdict(struct logfile *l, const struct step_report *r, const struct batch_row *rows,
                     const double *row_loss, uint32_t B);
/* The results of s after `step` steps, and what the clock (stopped) says. */
void metrics_val(struct logfile *l, uint64_t step, const struct stopwatch *clock, const struct val_source *s);
/* The loss of the finished weights, as forecast, less that of the weights as they are: mean and standard
 * error. */
void metrics_finish(struct logfile *l, uint64_t step, double change, double se, bool better);
/* Loss at the end of the run, and of ones of half and twice as many steps; seconds that are left. */
void metrics_forecast(struct logfile *l, uint64_t step, const struct forecast *end,
                      const struct forecast *half, const struct forecast *twice, double seconds_left);
/* detail: plain text or NULL */
void metrics_event(struct logfile *l, uint64_t step, const char *what, const char *detail);

#endif
