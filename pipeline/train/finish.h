/*
 * finish.h - the finished model, forecast from the steps so far
 *
 * At a constant learning rate the weights oscillate around a slowly moving valley floor, and a decay of the
 * rate mostly removes the oscillation. Averages of the weights say where the floor is, without a decay:
 *
 *   finished = theta + sum_j c[g][j] D_j        D_j = mean_j - theta, g the group of the tensor (groups.h)
 *
 * mean_1, mean_2, mean_3 remember about 7, 14 and 25 % of the steps since the run began or last grew. The
 * middle one alone (c = 0, 1, 0) is the forecast.
 *
 * A step of averaging ("folding") is taken FINISH_FOLDS times in the shortest memory, not after every step:
 * an average of so many looks as good, at next to no cost. Between foldings theta stands for the weights of
 * the last one, `mark`. The D_j stay small, so that bf16 rounds them by 1/256 of the oscillation, not of the
 * weights. Memory: mark f32, three D_j act: 10 bytes a weight with bf16.
 */
#ifndef TRAIN_FINISH_H
#define TRAIN_FINISH_H

#include "pipeline/model/transformer.h"
#include "pipeline/train/groups.h"

enum { FINISH_AVERAGES = 3, FINISH_FOLDS = 16 };

struct finish {
    bool on;
    float *mark;              /* device, as theta; owned, and all below */
    void *D[FINISH_AVERAGES]; /* device, act */
    struct groups groups;
    float c[GROUPS_MAX * FINISH_AVERAGES];
};

/* Returns the bytes that alloc takes for n weights. */
size_t finish_bytes(size_t n, enum dtype act);
/* Does nothing unless f->on. -1: no memory. */
int finish_alloc(struct finish *f, const struct weights *w);
void finish_free(struct finish *f, const struct weights *w);
/* The averages begin again, with the weights as they are. */
void finish_begin(struct finish *f, const struct weights *w);
/* After the step that was number `age` (from 1) since the averages began. */
void finish_after(struct finish *f, const struct weights *w, uint64_t age);

/* Between the two the weights are the finished ones, and `spare` (layout.total f32) has those that training
 * goes on from. Afterwards these are back, bit for bit, but for the first `kept` elements, which stay as they
 * are; and spare is zero. */
void finish_enter(const struct finish *f, struct weights *w, float *spare);
void finish_leave(struct weights *w, float *spare, size_t kept);

/* Steps from one folding to the next, and how much average j keeps of itself in one. */
uint64_t finish_interval(uint64_t age);
double finish_keep(uint64_t age, int j);

#endif
