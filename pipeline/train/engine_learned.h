/*
 * engine_learned.h - the learned part of the engine: dynamics (hybrid/rssm), residual store and its
 * corrections
 *
 *   block ends      learned_outcome   what the forecast should have been; the model trains
 *   block begins    learned_forecast  observes; fills c, alpha and what the store says they miss
 *   PREDICT         learned_plan      a jump's coefficients, imagined block by block; learned_confidence
 *   cycle ends      learned_gained
 *   CORRECT ends    learned_correction
 */
#ifndef TRAIN_ENGINE_LEARNED_H
#define TRAIN_ENGINE_LEARNED_H

#include "pipeline/train/engine_parts.h"

struct learned;

/* NULL: no memory, or sizes that the parts refuse. */
struct learned *learned_open(struct engine *e);
void learned_close(struct learned *l); /* NULL is fine */
int learned_begin(struct learned *l);  /* as new; -1: no memory */
size_t learned_arrays(struct learned *l, struct state_array *out, size_t cap);
int learned_check(struct learned *l, char *err, size_t cap);

void learned_outcome(struct engine *e, uint64_t step, const struct outcome *o);
void learned_forecast(struct engine *e, uint64_t step);
/* Sum over virtual steps: coefficients of a jump of `length` real steps' worth, beginning now. */
void learned_plan(struct engine *e, double length, hybrid_coef coef);
/* The mean displacement per step over so many blocks. */
void learned_far(struct engine *e, int blocks, hybrid_coef coef);
/* P(gain) of a jump of so many virtual steps that costs `cost` steps: raw is kept for learned_gained. */
double learned_confidence(struct engine *e, double virtual_steps, double cost);
void learned_gained(struct engine *e, bool gained);
/* What CORRECT showed: o and alpha of the block it was. Fills the residual store; coef: by how much the jump
 * should have been different, at most correction_norm of its length. False: nothing to correct. */
bool learned_correction(struct engine *e, uint64_t step, const struct outcome *o, const double *alpha,
                        hybrid_coef coef);
void learned_spoil(struct engine *e); /* for tests: the store is damaged */

#endif
