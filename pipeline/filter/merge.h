/*
 * merge.h - the duplicates of a whole corpus, from the signatures of its parts
 */
#ifndef FILTER_MERGE_H
#define FILTER_MERGE_H

#include "pipeline/filter/options.h"

/* Reads the n files of signatures side by side, in the order that one run has the documents in, and writes a
 * list of the duplicates beside each. Dies naming file, offset and reason; then no list is written. */
void merge_signatures(const struct filter_options *o, char *const *paths, size_t n);

#endif
