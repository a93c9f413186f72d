/*
 * loaded.h - a checkpoint ready to compute with: device, weights, tokenizer. For programs: dies with the path
 * and the reason.
 */
#ifndef MODEL_LOADED_H
#define MODEL_LOADED_H

#include "pipeline/model/transformer.h"
#include "pipeline/text/vocabulary/tokenizer.h"

struct loaded {
    char *dir;            /* owned: the model directory */
    char *tokenizer_path; /* owned */
    bool foreign;         /* `train` did not write it */
    const struct ops *ops;
    struct device *dev;
    struct weights w;
    struct tokenizer *tok;
};

/* path: a model directory, or a run. device: auto, cpu or cuda. dtype: "f32", "bf16" or "int8". threads 0:
 * all. one_by_one, a token at a time as generation goes: one thread for a small model, where threads would
 * wait for each other longer than they work; and dtype may be "auto", f32 for a small model and bf16 for
 * others.
 */
void loaded_open(struct loaded *m, const char *path, const char *device, const char *dtype, int64_t threads,
                 bool one_by_one);
/* Dies when the device has failed: results since the last check are then meaningless. */
void loaded_check(const struct loaded *m);
void loaded_close(struct loaded *m);

#endif
