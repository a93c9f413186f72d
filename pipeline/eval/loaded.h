/*
 * loaded.h - a checkpoint ready to compute with: device, weights, tokenizer. For programs: dies with the path and the reason.
 */
#ifndef EVAL_LOADED_H
#define EVAL_LOADED_H

#include "pipeline/model/transformer.h"
#include "pipeline/text/tokenizer.h"

struct loaded {
    char *dir;                  /* owned: the model directory */
    char *tokenizer_path;       /* owned */
    struct device *dev;
    struct weights w;
    struct tokenizer *tok;
};

/* path: a model directory, or a run. dtype: "f32" or "bf16". threads 0: all. */
void loaded_open(struct loaded *m, const char *path, const char *dtype, int64_t threads);
void loaded_close(struct loaded *m);

#endif
