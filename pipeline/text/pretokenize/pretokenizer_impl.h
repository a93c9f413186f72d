/*
 * pretokenizer_impl.h - the inside of the pre-tokenizer, for pretokenizer*.c and their tests
 */
#ifndef PRETOKENIZE_PRETOKENIZER_IMPL_H
#define PRETOKENIZE_PRETOKENIZER_IMPL_H

#include <stdbool.h>
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
/* The first match from `from` on, in valid UTF-8. It may be empty. */
bool regex_find(struct regex_pieces *r, const char *text, size_t len, size_t from, size_t *start,
                size_t *end);
/* All matches, one after the other, as the iterator of the tokenizers library gives them: none that is empty
 * and begins where the last one ended. */
struct regex_walk {
    struct regex_pieces *regex;
    const char *text;
    size_t len;
    size_t at, last; /* where to look next; where the last match ended, if there was one */
    bool matched;
};
bool regex_walk_next(struct regex_walk *w, size_t *start, size_t *end);
/* Whether some match may be empty. */
bool regex_matches_nothing(const struct regex_pieces *r);
/* Length of the piece at pos, where text[pos..valid) is UTF-8 and not empty, for expressions that match
 * something. What the expression passes by is a piece, too. */
size_t regex_pieces_next(struct regex_pieces *r, const char *text, size_t valid, size_t pos);

#endif
