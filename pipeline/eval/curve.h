/*
 * curve.h - the same measures of every checkpoint of a run
 */
#ifndef EVAL_CURVE_H
#define EVAL_CURVE_H

#include "pipeline/eval/measure.h"

/* runs: directories with checkpoints/step-NNNNNN. A row for each goes to standard output (plan->table),
 * oldest first. Returns a list of the results. */
json_t *curve(struct measure_plan *plan, const char *const *runs, size_t n);

#endif
