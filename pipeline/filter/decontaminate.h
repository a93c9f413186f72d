/*
 * decontaminate.h - which documents hold text of an evaluation: thirteen words in a row that are in both
 *
 * Words are those of simplify.h. An evaluation text of 8 to 12 words is looked for as a whole; a shorter one
 * is not looked for. Source: Brown et al. 2020, arXiv:2005.14165, appendix C.
 */
#ifndef FILTER_DECONTAMINATE_H
#define FILTER_DECONTAMINATE_H

#include "pipeline/filter/words.h"
#include "pipeline/lib/cli.h"

struct evaluation;

/* Reads the files: of a JSON object all strings that are in it, one after the other; of other files their
 * documents. Dies when one cannot be read, or when more than `memory` bytes would be needed. */
struct evaluation *evaluation_read(const struct str_list *files, uint64_t memory);
bool evaluation_has(const struct evaluation *e, const struct words *w);
void evaluation_free(struct evaluation *e);

#endif
