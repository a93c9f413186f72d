/*
 * trainer.h - what a run needs before its first step, and after its last
 *
 * The calls stand in the order in which they are made. Each dies with the file or the option at fault.
 */
#ifndef TRAIN_TRAINER_H
#define TRAIN_TRAINER_H

#include "pipeline/train/loop.h"

#include <jansson.h>

/* --tokenizer, or the one of the checkpoint in resume_dir (NULL: a new run). */
void trainer_load_tokenizer(struct trainer *t, const char *resume_dir);
/* Opens the stream of batches and holds its header against the tokenizer and the model. */
void trainer_open_batches(struct trainer *t, const struct model_config *m);
/* Settles --dtype auto. */
void trainer_open_device(struct trainer *t, struct train_config *c, const struct model_config *m);
/* All memory of the run, after saying how much it is. depth: layers that take part at first. */
void trainer_allocate(struct trainer *t, struct train_config *c, const struct model_config *m, int depth);
void trainer_say_growth(const struct trainer *t, const struct model_config *m);
/* Weights and counters: first values, or those of the checkpoint in dir. */
void trainer_begin(struct trainer *t, const char *dir, const json_t *state);
/* config.json of the run: every setting as it was resolved. */
void trainer_write_config(const struct trainer *t, const struct model_config *m);
void trainer_open_logs(struct trainer *t, const json_t *state);
void trainer_watch(const struct trainer *t); /* begins to write alerts.jsonl (alerts/watch.h) */
/* With --forecast rssm. */
void trainer_learn_forecasts(struct trainer *t);
void trainer_close(struct trainer *t);

#endif
