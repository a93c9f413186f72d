/*
 * tokenizer_files.h - the tokenizer of a run, and the files about it in each checkpoint
 *
 * A model of others has a chat template, a padding token, several ids that end a text: what lies beside its
 * tokenizer.json goes on with it.
 */
#ifndef TRAIN_TOKENIZER_FILES_H
#define TRAIN_TOKENIZER_FILES_H

#include "pipeline/model/checkpoint.h"
#include "pipeline/text/vocabulary/tokenizer.h"

#include <jansson.h>

struct tokenizer_files {
    struct tokenizer *tok;
    char *json; /* tokenizer.json as it was given */
    size_t len;
    char *template; /* chat_template.jinja; NULL: none */
    size_t template_len;
    json_t *config; /* tokenizer_config.json; NULL: none */
};

/* path: the file that was named; NULL: the one of the model in dir, which may be NULL otherwise. Dies when it
 * is no tokenizer. */
void tokenizer_files_read(struct tokenizer_files *f, const char *path, const char *dir);
void tokenizer_files_free(struct tokenizer_files *f);
/* Puts them into a checkpoint of a model with that context. */
void tokenizer_files_put(const struct tokenizer_files *f, struct checkpoint_save *s, int context);

#endif
