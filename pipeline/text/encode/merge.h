/*
 * merge.h - applies the merges to one piece: exactly, and never in quadratic time
 */
#ifndef ENCODE_MERGE_H
#define ENCODE_MERGE_H

#include "pipeline/text/vocabulary/vocabulary.h"

enum { MERGE_MAX = 1 << 30 }; /* bytes of a piece: symbols are numbered with 31 bits */

struct merger; /* scratch memory of one thread */
struct merger *merger_new(const struct tokenizer *t);
void merger_free(struct merger *m); /* NULL is fine */
/* ids has room for len elements, 1 <= len <= MERGE_MAX. Returns how many were written. */
size_t merge_piece(struct merger *m, const char *piece, size_t len, uint32_t *ids);

/* merge_piece for n given symbols instead of bytes, by a heap. */
size_t merge_symbols(struct merger *m, const uint32_t *symbols, size_t n, uint32_t *ids);

/* merge_piece for a tokenizer that is in_order: merge_match.c. dead: scratch of len / 64 + 1 words. */
size_t merge_match(const struct tokenizer *t, const unsigned char *s, size_t len, uint64_t *dead,
                   uint32_t *ids);

#endif
