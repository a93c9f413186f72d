/*
 * textout.h - text that arrives in pieces goes out as soon as it may: whole characters only, and nothing from
 * a stop string on
 *
 *   textout_add(&t, bytes, n)     true: a stop string was reached; what follows it is dropped
 *   textout_end(&t)               writes what was held back: the beginning of a stop string; half a
 *                                 character, as U+FFFD
 *
 * Other bytes that are not UTF-8 pass as they are.
 */
#ifndef SAMPLE_TEXTOUT_H
#define SAMPLE_TEXTOUT_H

#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"

struct textout {
    const struct str_list *stops; /* borrowed; may be NULL. Empty strings are ignored */
    void (*emit)(void *arg, const char *s, size_t n);
    void *arg;
    struct strbuf held; /* owned; freed by textout_end */
};

bool textout_add(struct textout *t, const char *s, size_t n);
void textout_end(struct textout *t);

#endif
