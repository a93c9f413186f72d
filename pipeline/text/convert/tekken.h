/*
 * tekken.h - reads Mistral's tekken.json, a vocabulary of tiktoken's kind in another file: tokenizer.md,
 * "Converting"
 *
 * The special tokens come first: rank r has the id r + their number.
 */
#ifndef CONVERT_TEKKEN_H
#define CONVERT_TEKKEN_H

#include "pipeline/lib/fs.h"
#include "pipeline/text/convert/tiktoken.h"

struct tekken {
    struct strbuf lines; /* the tokens as a .tiktoken file has them */
    struct special_token *special;
    uint32_t n_special, n_ranks;
    char *pattern; /* all owned */
};

/* Returns 0; 1: it is JSON of another kind; -1 with file and reason. tekken_free is due in any case. */
int tekken_read(struct tekken *k, const char *json, size_t len, const char *name, char *err, size_t cap);
void tekken_free(struct tekken *k);

#endif
