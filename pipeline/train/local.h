/*
 * local.h - processes that train apart and meet every so many steps (--sync-every), for slow networks
 *
 * Each rank updates its own copy of the weights by its own rows, with an optimizer of its own. Every H steps
 * the copies are averaged, and the average is taken as an outer Nesterov step from where they last met
 * (DiLoCo: Douillard et al. 2023, arXiv:2311.08105; lookahead.h has the step). Between two meetings, ranks
 * exchange the rows of the batch and some numbers (losses, norms, signals), no gradients or weights.
 *
 * Validation and checkpoints wait for the next meeting; a signal and the end of the run bring it about. What
 * is saved is the average of the optimizers' states, with which all ranks go on: a run that is resumed on as
 * many ranks is the run that was not stopped.
 */
#ifndef TRAIN_LOCAL_H
#define TRAIN_LOCAL_H

#include <stdbool.h>

struct trainer; /* loop.h */

/* The ranks have met after the step that was done last, or never part. */
bool local_together(const struct trainer *t);
/* The ranks meet: from here on all have equal weights. */
void local_meet(struct trainer *t);
/* Before a checkpoint: the optimizers' states become their average. */
void local_average_state(struct trainer *t);

#endif
