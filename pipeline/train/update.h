/*
 * update.h - one update of the weights, from some rows of the record
 *
 * Rows -> parts -> micro-batches -> gradient -> norm -> verdict -> clip, optimizer. Loss, norm and verdict
 * are the same on all ranks, from the same numbers.
 */
#ifndef TRAIN_UPDATE_H
#define TRAIN_UPDATE_H

#include "pipeline/train/loop.h"
#include "pipeline/train/metrics.h"

/* Rows first .. first+rows-1; adds its share to the report of the step. */
void update_weights(struct trainer *t, uint32_t first, uint32_t rows, struct step_report *r);
/* Watches the passes through t->act: for traces, and to send gradients while the backward pass goes on. */
void update_watch(struct trainer *t);
/* Fills row_loss of these rows from t->loss. */
void update_row_loss(struct trainer *t, uint32_t first, uint32_t rows);

#endif
