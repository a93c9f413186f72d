/*
 * quote.h - writes strings as JSON
 */
#ifndef VOCABULARY_QUOTE_H
#define VOCABULARY_QUOTE_H

#include "pipeline/lib/fs.h"

/* Appends valid UTF-8 as a JSON string, with its quotes. */
void quote(struct strbuf *out, const char *s, size_t len);

#endif
