/*
 * pretokenizer_impl.h - the inside of the pre-tokenizer, for pretokenizer*.c and their tests
 */
#ifndef PRETOKENIZE_PRETOKENIZER_IMPL_H
#define PRETOKENIZE_PRETOKENIZER_IMPL_H

#include <stddef.h>
#include <stdint.h>

#include "pipeline/text/pretokenize/pretokenizer.h"

enum { FILL_MAX = 512 }; /* ends found at once: they stay in the first-level cache */

/* Finds ends of pieces from pos < len on, at most FILL_MAX; returns how many, at least one. */
typedef size_t fill_function(const uint8_t *classes, const unsigned char *text, size_t len, size_t pos,
                             size_t *ends);

/* By pattern, for levels of x86-64: plain C, AVX2, AVX-512. NULL: not written by hand. */
extern fill_function *const pretokenizer_v1[N_PATTERNS], *const pretokenizer_v3[N_PATTERNS],
                                                             *const pretokenizer_v4[N_PATTERNS];
/* The table for this machine. */
fill_function *const *pretokenizer_level(void);

/* Any regular expression in PCRE2, with the classes of unicode.h. */
struct regex_pieces;
struct regex_pieces *regex_pieces_new(const char *regex, char *why, size_t cap);
void regex_pieces_free(struct regex_pieces *r);
/* Length of the piece at pos, where text[pos..valid) is UTF-8 and not empty. What the expression passes by is
 * a piece, too. */
size_t regex_pieces_next(struct regex_pieces *r, const char *text, size_t valid, size_t pos);

#endif
