/*
 * rundir.h - the directory of a run: who may write there, which checkpoints it has, latest and best
 *
 * A checkpoint is checkpoints/step-NNNNNN, N the steps done. Links are replaced
 * by rename, so that they always lead to a whole checkpoint.
 */
#ifndef TRAIN_RUNDIR_H
#define TRAIN_RUNDIR_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Refuses a directory that train did not make (a model), and, unless overwrite, one whose checkpoints were
 * taken away and whose logs a new start would cut. Changes nothing. */
void rundir_check(const char *run, bool resume, bool overwrite);
/* Makes it, and holds a lock until the process ends: two runs in one directory is a mistake. Removes what a
 * killed run left unfinished. */
void rundir_open(const char *run);
void rundir_clear(const char *run); /* --overwrite: what train writes, nothing else */
bool rundir_has_checkpoints(const char *run);
char *rundir_checkpoint(const char *run, uint64_t step); /* malloc'd path */
/* Path of the newest checkpoint whose files are all as they were written, malloc'd, and its state. Warns of
 * each damaged one on the way. NULL: there are no checkpoints. Dies when there are some and all are damaged.
 */
char *rundir_newest(const char *run, json_t **state);
void rundir_link(const char *run, const char *name, uint64_t step); /* latest, best */
/* Removes checkpoints of steps before the `keep` newest up to `step`, but not those of the two other steps.
 */
void rundir_prune(const char *run, uint64_t step, uint64_t keep, uint64_t best_step, uint64_t back_step);

#endif
