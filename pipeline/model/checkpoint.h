/*
 * checkpoint.h - a model directory: what other tools load, and what `train` resumes from. Layout:
 * formats/checkpoint.md.
 *
 * Loading (eval, sample, train):
 *   char *dir = checkpoint_resolve("runs/a", err, cap);          a model directory, a run, or runs/a/latest
 *   checkpoint_load(dir, ops, dev, DTYPE_BF16, &w, err, cap);    weights allocated, filled and published
 *   char *tok = path_join(dir, "tokenizer.json");
 * Nothing on that side prints or exits. Every file that is read and that trainer/state.json
 * lists is checked against its size and XXH3 first; a directory from elsewhere has no such list and is taken
 * as it is.
 *
 * Saving (train): checkpoint_begin, checkpoint_put_*, checkpoint_commit. The directory
 * appears under its name whole and synced or not at all. These calls die() on failure and leave the last one
 * as it was.
 */
#ifndef MODEL_CHECKPOINT_H
#define MODEL_CHECKPOINT_H

#include <jansson.h>

#include "formats/safetensors.h"
#include "pipeline/model/transformer.h"

/* Malloc'd path of a directory with a config.json: path itself, or path/latest. NULL and err otherwise. */
char *checkpoint_resolve(const char *path, char *err, size_t cap);
int checkpoint_config(const char *dir, struct model_config *c, char *err, size_t cap);
/* *w must not hold anything; on failure it holds nothing. */
int checkpoint_load(const char *dir, const struct ops *ops, struct device *dev, enum dtype act,
                    struct weights *w, char *err, size_t cap);

/* 0: *state is trainer/state.json, new reference. 1: there is none. -1: damaged. */
int checkpoint_state(const char *dir, json_t **state, char *err, size_t cap);
/* All files that state lists. 0, or -1: err names the first that is missing or not as it was written. */
int checkpoint_verify(const char *dir, const json_t *state, char *err, size_t cap);
/* Those that are read to use the model (configuration, weights, tokenizer), where the directory says what
 * they were; checkpoint_load does it. */
int checkpoint_verify_model(const char *dir, char *err, size_t cap);
/* Tensors PREFIXname of `name`, one for every parameter and (when only) no others, into array. */
int checkpoint_read_array(const char *dir, const char *name, const char *prefix, bool only,
                          const struct weights *w, struct weight_array array, char *err, size_t cap);

struct checkpoint_save;

struct checkpoint_array { /* one array of the layout, in device memory */
    const char *prefix;   /* before each parameter's name; "" for the weights themselves */
    struct weight_array array;
};

struct checkpoint_save *checkpoint_begin(const char *dir);
void checkpoint_put_text(struct checkpoint_save *s, const char *name, const char *text, size_t len);
void checkpoint_put_tensors(struct checkpoint_save *s, const char *name, const struct weights *w,
                            const struct checkpoint_array *arrays, size_t n_arrays, enum st_dtype dtype);
/* Writes trainer/state.json from state (to which it adds the list of files), syncs, and gives the directory
 * its name. An older directory of that name is replaced in one step. Frees s; state stays the caller's. */
void checkpoint_commit(struct checkpoint_save *s, json_t *state);

#endif
