/*
 * mask.h - e-mail addresses and public IPv4 addresses, replaced by ones that belong to nobody
 *
 * Patterns: those of datatrove's PIIFormatter.
 */
#ifndef FILTER_MASK_H
#define FILTER_MASK_H

#include <stdint.h>

#include "pipeline/filter/chars.h"
#include "pipeline/lib/fs.h"

struct masked {
    uint64_t emails, addresses;
};
/* Returns the text with its addresses replaced, in out if there were any, and counts them. */
struct span mask_personal(struct strbuf *out, struct span text, struct masked *n);

#endif
