/*
 * train.h - what the parts of train_test share
 *
 * train_test.c   schedules, the guard, memory, the table of options
 * optimizer.c    AdamW, groups of weights, growth
 * muon.c         Muon
 * averages.c     extrapolation and averages of weights
 * directories.c  checkpoints, logs, runs; and that a model learns
 */
#ifndef TESTS_TRAIN_H
#define TESTS_TRAIN_H

#include "pipeline/model/transformer.h"
#include "tests/check.h"

#include <math.h>

static inline bool near(double a, double b, double tolerance)
{
    return fabs(a - b) <= tolerance * fmax(1e-12, fabs(b));
}

struct model_config tiny_model(void);
/* A tiny model with first values on the CPU. */
void open_model(struct weights *w, struct device **dev, enum dtype act);

void optimizer(void);
void partial_updates(void);
void growing(void);
void holding(bool tied, enum activations_mode mode);
void group_rates(void);
void grouping(void);
void muon(void);
void muon_of(int rows, int cols);
void lookaheads(void);
void finished(enum dtype act);
void overfits(enum dtype act);
void checkpoints(void);
void damage(void);
void pieces(void);
void strangers(void);
void logs(void);
void run_directory(void);

#endif
