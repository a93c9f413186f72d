/*
 * part.h - one part of a corpus whose duplicates are found over all parts
 *
 * A first run writes the documents that rules leave, and their signatures; merge.h makes of the signatures of
 * all parts a list for each; a second run leaves out what the list of its documents says.
 */
#ifndef FILTER_PART_H
#define FILTER_PART_H

#include "formats/signatures.h"
#include "pipeline/filter/options.h"

struct part;

/* o->signatures: opens that file, to write. o->duplicates: opens that list, to read. Neither: NULL. */
struct part *part_open(const struct filter_options *o);
/* The next document that rules leave, with its line: writes its keys, or returns what the list says of it. */
enum rule part_next(struct part *p, const struct signatures_keys *keys, const char *line, size_t len);
/* Dies when the list is not at its end, or was made of other documents. whole: a file of signatures appears
 * under its name. NULL is fine. */
void part_close(struct part *p, bool whole);

#endif
