/*
 * mixed.h - what a run was really fed: rows and epochs by source
 *
 * Rows are counted from one line of metrics.jsonl to the next, and a line is written before each checkpoint,
 * so that the lines of a resumed run add up.
 */
#ifndef TRAIN_MIXED_H
#define TRAIN_MIXED_H

#include "formats/batch.h"
#include "pipeline/train/logfile.h"

struct mixed {
    uint64_t rows[BATCH_MAX_SOURCES];   /* since the last line */
    uint32_t epochs[BATCH_MAX_SOURCES]; /* highest seen, counted from 1 */
    uint64_t steps;                     /* since the last line */
};

void mixed_add(struct mixed *m, const struct batch_header *h, const struct batch_row *rows);
/* Writes the line after `step` steps and begins to count again; nothing when there was none. */
void mixed_write(struct mixed *m, const struct batch_header *h, struct logfile *l, uint64_t step);

#endif
