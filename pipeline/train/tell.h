/*
 * tell.h - what a step tells: its lines in metrics.jsonl, counters for monitors, progress and forecasts on
 * stderr
 */
#ifndef TRAIN_TELL_H
#define TRAIN_TELL_H

#include "pipeline/train/loop.h"
#include "pipeline/train/metrics.h"

/* After the step's own numbers are in t and r. rows: of the batch, B of them. */
void tell_step(struct trainer *t, struct step_report *r, const struct batch_row *rows);

#endif
