/*
 * bytelevel.h - the printable spelling of bytes in tokenizer.json (Radford et al. 2019)
 *
 * Bytes 33..126, 161..172 and 174..255 are spelled as the characters of these numbers; the 68 others, in
 * order, as U+0100 and above.
 */
#ifndef PRETOKENIZE_BYTELEVEL_H
#define PRETOKENIZE_BYTELEVEL_H

#include <stddef.h>

#include "pipeline/lib/fs.h"

/* Appends the spelling as UTF-8. */
void bytelevel_spell(struct strbuf *out, const char *bytes, size_t len);
/* Appends the bytes of a spelling in valid UTF-8. Returns 0, or -1: a character is not in the table. */
int bytelevel_bytes(struct strbuf *out, const char *spelling, size_t len);

#endif
