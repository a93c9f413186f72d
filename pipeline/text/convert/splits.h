/*
 * splits.h - finds the merges that a ranked vocabulary implies
 *
 * tiktoken and SentencePiece store no merges. They join two neighbours in a text whenever their bytes
 * together are a token: the token of lowest rank first and, among equals, the leftmost. As long as nothing
 * merges across the ends of some stretch of the text, the stretch merges as it would alone. So a token is
 * always made of the same two parts: the two that remain just before the end when the token's own bytes are
 * merged. With these pairs as merges, in the order of the ranks, every text becomes the same tokens. (The
 * parts may have higher ranks than the token, so the search must not be limited to lower ranks.)
 */
#ifndef CONVERT_SPLITS_H
#define CONVERT_SPLITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum split_unit { SPLIT_BYTES, SPLIT_CHARACTERS };  /* SPLIT_CHARACTERS: characters of valid UTF-8 */
enum split { SPLIT_UNIT, SPLIT_PAIR, SPLIT_NEVER }; /* one unit; made of two parts; merging never makes it */
enum { SPLIT_MAX_TOKEN = 65535 };                   /* bytes */

struct splits;
/* n: the number of tokens that will be added, at most 2^24. */
struct splits *splits_new(uint32_t n, enum split_unit unit);
void splits_free(struct splits *s); /* NULL is fine */
/* Adds the token of the next rank, starting at 0. The caller keeps the bytes, which must stay valid; 1 <= len
 * <= SPLIT_MAX_TOKEN. False: the token was added before. */
bool splits_add(struct splits *s, const char *bytes, size_t len);
/* Returns the rank; UINT32_MAX: no such token. */
uint32_t splits_find(const struct splits *s, const char *bytes, size_t len);
/* Must be called after all tokens were added. SPLIT_PAIR: *left and *right are the ranks of the two parts;
 * UINT32_MAX: a character that is no token. Takes O(n log n). */
enum split splits_of(struct splits *s, uint32_t rank, uint32_t *left, uint32_t *right);

#endif
