/*
 * copy.h - documents from a source to a stream, up to the limit
 */
#ifndef FETCH_COPY_H
#define FETCH_COPY_H

#include "pipeline/fetch/source.h"

#include <stdio.h>

struct tally {
    uint64_t docs, text_bytes, replaced; /* replaced: bytes that were not UTF-8 */
};

/* Writes the source's documents to f, and adds to the tally. False: f failed. */
bool copy_documents(struct source *s, FILE *f, struct tally *t);
void warn_replaced(const struct tally *t, const char *where);
/* --cat: all sources, one after the other, to standard output. */
void cat_sources(struct fetch_options *o, char **words, int n);

#endif
