/*
 * corpora.h - data sets by name: corpus:NAME
 *
 * One table, one line each (corpora_table.c). A table of the user's own, a JSON array of objects with the
 * members of struct corpus, adds to it, and its names come first.
 */
#ifndef FETCH_CORPORA_H
#define FETCH_CORPORA_H

#include "pipeline/stream/input.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct corpus {
    const char *name;
    const char *place;    /* datasets/ORG/NAME on the hub */
    const char *revision; /* NULL: main */
    const char *files;    /* path or glob in the repository */
    const char
        *text; /* a column, or a template ("{question}\n{answer}"); NULL: found as formats/docs.md says */
    const char *domain;
    const char *licence;
    bool gated;    /* its terms have to be accepted on its page */
    bool heritage; /* text gives "ID ENCODING" of an object of Software Heritage, which has the text itself */
    uint64_t bytes, tokens; /* to download; estimated, by the data set's own account. 0: not known */
};

extern const struct corpus corpora_table[];
extern const size_t n_corpora_table;

struct corpora {
    const struct corpus *own; /* the user's */
    size_t n_own;
};

/* The user's table, which lives as long as the program. NULL: none. Dies with file and place where it is
 * wrong. */
struct corpora corpora_read(const char *path);
/* NULL: there is no such name. */
const struct corpus *corpora_find(const struct corpora *c, const char *name);
/* hf://datasets/ORG/NAME@REVISION/FILES. The caller frees it. */
char *corpus_word(const struct corpus *c);
/* Says how its files are read, and its domain. What in says already stays, but for how ids are found. */
void corpus_set_input(const struct corpus *c, struct input_opts *in);
/* Prints all of them, as a table or as a JSON array. */
void corpora_list(const struct corpora *c, bool json);

#endif
