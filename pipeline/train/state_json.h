/*
 * state_json.h - parts of a trainer as members of trainer/state.json (formats/checkpoint.md)
 */
#ifndef TRAIN_STATE_JSON_H
#define TRAIN_STATE_JSON_H

#include "pipeline/train/choice.h"
#include "pipeline/train/forecast.h"
#include "pipeline/train/guard.h"
#include "pipeline/train/optim.h"

#include <jansson.h>

json_t *state_guard_to_json(const struct guard *g);
void state_guard_from_json(struct guard *g, const json_t *o);

json_t *state_losses_to_json(const struct losses *l);
/* Without the entry (NULL) they begin with the run's next step. */
void state_losses_from_json(struct losses *l, uint64_t step, double tokens, const json_t *o);

/* Without the entry nothing was compared. A correction that begins after the run's end is none. */
json_t *state_choice_to_json(const struct choice *c);
void state_choice_from_json(struct choice *c, const json_t *state);

/* Ages of the layers that take part. Without the entry all are as old as the rest. */
json_t *state_ages_to_json(const struct optim *o, int depth);
void state_ages_from_json(struct optim *o, int depth, const json_t *ages);

#endif
