/*
 * report.h - results as rows of a table, and as JSON
 */
#ifndef EVAL_REPORT_H
#define EVAL_REPORT_H

#include "pipeline/eval/choices.h"
#include "pipeline/eval/tally.h"

#include <jansson.h>

json_t *tally_json(const struct tally *t);
void tally_heading(void);
void tally_row(const char *name, const struct tally *t);

json_t *accuracy_json(const struct task *t, const struct accuracy *a);
/* acc_norm where the task has it, or else acc or greedy; of a text, by the first way of finding its answer.
 */
struct estimate accuracy_main(const struct task *t, const struct accuracy *a);
/* Returns accuracy_main scaled to 0 for a model that guesses and 1 for one that is always right (Li et al.
 * 2024, "DataComp-LM"). */
double accuracy_centred(const struct task *t, const struct accuracy *a);
void centred_row(double mean);
void accuracy_heading(bool apart); /* apart: after another table */
void accuracy_row(const struct task *t, const struct accuracy *a);

#endif
