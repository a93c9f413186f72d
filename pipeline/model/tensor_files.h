/*
 * tensor_files.h - the tensors of a model, which lie in one safetensors file or are split into several
 *
 *   t = tensor_files_open(dir, "model.safetensors", err, cap)
 *   tensor = tensor_files_find(t, "model.norm.weight", &file)
 *   safetensors_read_f32(file, tensor, ...)
 *
 * When the file itself is missing, NAME.index.json says which file beside it holds which tensor. That index
 * is trusted no more than the files: each tensor must be in the file that it names, and the files must hold
 * no others. No call prints or exits; err (cap bytes) names the file and the reason.
 */
#ifndef MODEL_TENSOR_FILES_H
#define MODEL_TENSOR_FILES_H

#include <stdbool.h>
#include "formats/safetensors.h"

struct tensor_files;

struct tensor_files *tensor_files_open(const char *dir, const char *name, char *err, size_t cap);
void tensor_files_close(struct tensor_files *t);             /* NULL is fine */
const char *tensor_files_path(const struct tensor_files *t); /* the file, or the index: for messages */
size_t tensor_files_count(const struct tensor_files *t);     /* tensors in all files */
const char *tensor_files_name(const struct tensor_files *t, size_t i); /* of one of them */
/* Returns NULL when there is no such tensor. */
const struct st_tensor *tensor_files_find(const struct tensor_files *t, const char *name,
                                          const struct safetensors **file);
/* Reads a whole text file, malloc'd and NUL-terminated, of 64 MB at most. NULL and err on failure; *missing:
 * the file does not exist, as opposed to being unreadable. */
char *model_read_text(const char *path, size_t *len, bool *missing, char *err, size_t cap);

#endif
