/*
 * pretokenizer_impl.h - internals of the pre-tokenizer, for pretokenizer*.c and their tests
 */
#ifndef PRETOKENIZE_PRETOKENIZER_IMPL_H
#define PRETOKENIZE_PRETOKENIZER_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pipeline/text/pretokenize/pretokenizer.h"

enum { FILL_MAX = 512 }; /* ends found at once: few enough to stay in the first-level cache */

/* Finds ends of pieces from pos < len on, at most FILL_MAX; returns how many, at least one. */
typedef size_t fill_function(const uint8_t *classes, const unsigned char *text, size_t len, size_t pos,
                             size_t *ends);

/* Tables indexed by pattern, for levels of x86-64: plain C, AVX2, AVX-512. NULL: not written by hand. */
extern fill_function *const pretokenizer_v1[N_PATTERNS], *const pretokenizer_v3[N_PATTERNS],
                                                             *const pretokenizer_v4[N_PATTERNS];
/* Returns the table for this machine. */
fill_function *const *pretokenizer_level(void);

/* Any regular expression, compiled by PCRE2, with the character classes of unicode.h. */
struct regex_pieces;
struct regex_pieces *regex_pieces_new(const char *regex, char *why, size_t cap);
void regex_pieces_free(struct regex_pieces *r);
/* Finds the first match from `from` on, in valid UTF-8. It may be empty. */
bool regex_find(struct regex_pieces *r, const char *text, size_t len, size_t from, size_t *start,
                size_t *end);
/* Iterates over all matches, as the tokenizers library does: a match that is empty and begins where the last
 * one ended is left out. */
struct regex_walk {
    struct regex_pieces *regex;
    const char *text;
    size_t len;
    size_t at, last; /* at: where to search next; last: where the last match ended, if there was one */
    bool matched;
};
bool regex_walk_next(struct regex_walk *w, size_t *start, size_t *end);
/* Whether a match may be empty. */
bool regex_matches_nothing(const struct regex_pieces *r);
/* Returns the length of the piece at pos, where text[pos..valid) is UTF-8 and not empty, for expressions
 * without empty matches. Text between matches is a piece, too. */
size_t regex_pieces_next(struct regex_pieces *r, const char *text, size_t valid, size_t pos);

#endif
