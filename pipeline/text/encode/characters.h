/*
 * characters.h - ids of a piece by merges that begin with characters, as the `tokenizers` library finds them
 */
#ifndef ENCODE_CHARACTERS_H
#define ENCODE_CHARACTERS_H

#include "pipeline/text/encode/merge.h"

/* ids: room for len of them; symbols: as much, for scratch. The piece is valid UTF-8, 1 <= len <= MERGE_MAX.
 * Returns how many ids there are: none, should the piece hold nothing but what is unknown and left out. */
size_t characters_encode(struct merger *m, const struct tokenizer *t, const char *piece, size_t len,
                         uint32_t *symbols, uint32_t *ids);

#endif
