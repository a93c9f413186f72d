/*
 * duplicates.h - which documents were there before, told by their keys in the order of the corpus
 */
#ifndef FILTER_DUPLICATES_H
#define FILTER_DUPLICATES_H

#include "formats/signatures.h"
#include "pipeline/filter/rules.h"

struct duplicates;

/* exact, near: which are looked for. memory is bounded by temporary files in dir, which is valid until
 * duplicates_free. */
struct duplicates *duplicates_new(bool exact, bool near, uint64_t memory, const char *dir);
/* Returns the rule that drops the next document, or RULE_KEEP. */
enum rule duplicates_find(struct duplicates *d, const struct signatures_keys *keys);
uint64_t duplicates_spilled(const struct duplicates *d); /* keys in temporary files */
void duplicates_free(struct duplicates *d);              /* NULL is fine */

#endif
