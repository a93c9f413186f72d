/*
 * characters.h - encodes a piece by merges that begin with characters, as the `tokenizers` library does
 */
#ifndef ENCODE_CHARACTERS_H
#define ENCODE_CHARACTERS_H

#include "pipeline/text/encode/merge.h"

/* ids and symbols (scratch) have room for len elements each. The piece is valid UTF-8, 1 <= len <= MERGE_MAX.
 * Returns the number of ids: 0 when the piece consists of unknown characters that are left out. */
size_t characters_encode(struct merger *m, const struct tokenizer *t, const char *piece, size_t len,
                         uint32_t *symbols, uint32_t *ids);

#endif
