/*
 * checkpoint.h - a model directory, which other tools can load and from which `train` resumes. Layout:
 * formats/checkpoint.md.
 *
 * Loading (eval, sample, train):
 *   char *dir = checkpoint_resolve("runs/a", err, cap);          a model directory, a run, or runs/a/latest
 *   checkpoint_load(dir, ops, dev, DTYPE_BF16, &w, err, cap);    weights allocated, filled and published
 *   char *tok = path_join(dir, "tokenizer.json");
 * These calls never print or exit. Every file that is read and that trainer/state.json lists is first checked
 * against its size and XXH3; a directory from elsewhere has no such list and is read unchecked. Its weights
 * may be split into several files (tensor_files.h).
 *
 * Saving (train): checkpoint_begin, checkpoint_put_*, checkpoint_commit. The directory appears under its name
 * complete and synced, or not at all. These calls die() on failure and leave the previous checkpoint as it
 * was.
 */
#ifndef MODEL_CHECKPOINT_H
#define MODEL_CHECKPOINT_H

#include <jansson.h>

#include "formats/safetensors.h"
#include "pipeline/model/tensor_files.h"
#include "pipeline/model/transformer.h"

/* Returns the malloc'd path of a directory with a config.json: path itself, or path/latest. NULL and err if
 * there is none. */
char *checkpoint_resolve(const char *path, char *err, size_t cap);
int checkpoint_config(const char *dir, struct model_config *c, char *err, size_t cap);
/* *w must be empty; on failure it stays empty. The weights are for reading only: they may be the mapped file.
 * In bf16 there is no theta. */
int checkpoint_load(const char *dir, const struct ops *ops, struct device *dev, enum dtype act,
                    struct weights *w, char *err, size_t cap);

/* Returns 0: *state is trainer/state.json, a new reference. 1: there is none. -1: it is damaged. */
int checkpoint_state(const char *dir, json_t **state, char *err, size_t cap);
/* Verifies all files that state lists. Returns 0, or -1 and err names the first that is missing or has
 * changed. */
int checkpoint_verify(const char *dir, const json_t *state, char *err, size_t cap);
/* Verifies the files that are needed to use the model (configuration, weights, tokenizer), where the
 * directory lists their hashes. */
int checkpoint_verify_model(const char *dir, char *err, size_t cap);
/* checkpoint_verify_model with the content of model.safetensors in memory; weights NULL: it is read. */
int checkpoint_verify_mapped(const char *dir, const void *weights, size_t bytes, char *err, size_t cap);
/* Reads tensors PREFIXname of the file `name` into array: one for every parameter and (when only) no others.
 */
int checkpoint_read_array(const char *dir, const char *name, const char *prefix, bool only,
                          const struct weights *w, struct weight_array array, char *err, size_t cap);

/* Refuses tensors that no parameter asks for, since config.json then belongs to another model. An output
 * matrix beside a tied one and stored rotary frequencies are harmless. */
int checkpoint_refuse_strangers(const struct tensor_files *files, const struct params *layout, bool tied,
                                char *err, size_t cap);

struct checkpoint_save;

struct checkpoint_array { /* one array of the layout, in device memory */
    const char *prefix;   /* stands before each parameter's name; "" for the weights themselves */
    struct weight_array array;
    bool own_only; /* it holds the elements of the own ranges alone (checkpoint_in_parts), side by side */
};

struct checkpoint_save *checkpoint_begin(const char *dir);
void checkpoint_put_text(struct checkpoint_save *s, const char *name, const char *text, size_t len);
void checkpoint_put_tensors(struct checkpoint_save *s, const char *name, const struct weights *w,
                            const struct checkpoint_array *arrays, size_t n_arrays, enum st_dtype dtype);

/* Several processes write one checkpoint: the first begins, the others join where it writes, and all write
 * the tensors of the same files, each those of its own ranges. Together these are the whole flat array. Texts
 * are the first one's. Each of the others leaves, with the list of what it wrote (malloc'd), which is added
 * to the first one's before that commits. own: borrowed. */
const char *checkpoint_place(const struct checkpoint_save *s);
struct checkpoint_save *checkpoint_join(const char *place);
void checkpoint_in_parts(struct checkpoint_save *s, const struct range *own, size_t n);
char *checkpoint_leave(struct checkpoint_save *s);
void checkpoint_add_parts(struct checkpoint_save *s, const char *files);

/* Writes trainer/state.json from state (to which it adds the list of files), syncs, and gives the directory
 * its final name. An older directory of that name is replaced in one step. Frees s; the caller keeps state.
 */
void checkpoint_commit(struct checkpoint_save *s, json_t *state);

#endif
