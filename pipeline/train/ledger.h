/*
 * ledger.h - ledger.jsonl: which tokens each step consumed, one line a step, exact across restarts
 */
#ifndef TRAIN_LEDGER_H
#define TRAIN_LEDGER_H

#include <stdbool.h>

#include "formats/batch.h"
#include "pipeline/train/guard.h"
#include "pipeline/train/logfile.h"

/* step from 1; tokens: consumed so far, this step included. */
void ledger_line(struct logfile *l, uint64_t step, const struct batch_header *h,
                 const struct batch_record *record, uint64_t tokens, enum verdict verdict, bool learnt);

#endif
