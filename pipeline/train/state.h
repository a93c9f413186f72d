/*
 * state.h - the whole state of a run into a checkpoint and back
 */
#ifndef TRAIN_STATE_H
#define TRAIN_STATE_H

#include <jansson.h>
#include <stdint.h>

struct trainer; /* loop.h */

/* Waits for the device; dies when it has failed: what it holds then means nothing. step: the one that is at
 * work or was just done. */
void state_check_device(struct trainer *t, uint64_t step);
/* The end of an error message, which says what a run that fails now leaves behind. */
const char *state_left(const struct trainer *t);
/* Saves, links latest (and best, when this step is), prunes. */
void state_save(struct trainer *t);
void state_prune(const struct trainer *t); /* removes the checkpoints that need not be kept */
/* Fills weights, optimizer and counters from the checkpoint in dir; t's arrays are allocated. Dies when they
 * do not fit. */
void state_load(struct trainer *t, const char *dir, const json_t *state);
/* Layers that took part; without the entry all of them. */
int state_depth(const char *dir, const json_t *state, int layers);
uint64_t state_step(const json_t *state);
/* The parts of it that going back takes. The weights alone: into t->w, 0, or -1 and err. The arrays: weights,
 * optimizer, averages and extrapolation, with the counters that belong to them. */
int state_load_weights(struct trainer *t, const char *dir, const json_t *state, char *err, size_t cap);
void state_load_arrays(struct trainer *t, const char *dir, const json_t *state);
uint64_t state_bytes(const json_t *state, const char *which); /* "metrics_bytes", "ledger_bytes" */
/* Dies when the batches are not those that the run was begun with. */
void state_check_mix(const struct trainer *t, const char *dir, const json_t *state);

#endif
