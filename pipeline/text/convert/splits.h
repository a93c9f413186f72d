/*
 * splits.h - the merges that a ranked vocabulary stands for
 *
 * tiktoken and SentencePiece keep no merges. Of the neighbours in a text those two become one whose bytes
 * together are a token, lowest rank first, of equals the leftmost. While nothing merges across the ends of
 * some stretch of the text, it merges as it would alone, so a token is made of the same two parts wherever it
 * is made: those that are left when the token itself is taken apart into units and merged. With these pairs
 * alone, in the order of the ranks, every text becomes the same tokens. (A limit to lower ranks is not
 * needed, and would miss tokens whose parts have higher ones.)
 */
#ifndef CONVERT_SPLITS_H
#define CONVERT_SPLITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum split_unit { SPLIT_BYTES, SPLIT_CHARACTERS };  /* characters: of valid UTF-8 */
enum split { SPLIT_UNIT, SPLIT_PAIR, SPLIT_NEVER }; /* one unit; made of two parts; merging never makes it */
enum { SPLIT_MAX_TOKEN = 65535 };                   /* bytes */

struct splits;
/* n: tokens that will be added, at most 2^24. */
struct splits *splits_new(uint32_t n, enum split_unit unit);
void splits_free(struct splits *s); /* NULL is fine */
/* The token of the next rank, 0 first. The bytes stay the caller's and must live on; 1 <= len <=
 * SPLIT_MAX_TOKEN. False: it is there already. */
bool splits_add(struct splits *s, const char *bytes, size_t len);
/* Rank, UINT32_MAX: no such token. */
uint32_t splits_find(const struct splits *s, const char *bytes, size_t len);
/* After all were added. SPLIT_PAIR: *left and *right are ranks; UINT32_MAX: a character that is no token.
 * O(n log n). */
enum split splits_of(struct splits *s, uint32_t rank, uint32_t *left, uint32_t *right);

#endif
