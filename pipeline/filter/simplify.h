/*
 * simplify.h - a text as comparisons see it: small letters without accents, 0 for each number, no punctuation
 *
 * These are the steps of datatrove's simplify_text, so that near-duplicates and n-grams are found where it
 * finds them.
 */
#ifndef FILTER_SIMPLIFY_H
#define FILTER_SIMPLIFY_H

#include "pipeline/filter/chars.h"
#include "pipeline/lib/fs.h"

/* Replaces what out holds. */
void simplify(struct strbuf *out, struct span text);
/* Replaces what out holds by the text with one space for each run of white space, and none at the ends. */
void squeeze(struct strbuf *out, struct span text);

#endif
