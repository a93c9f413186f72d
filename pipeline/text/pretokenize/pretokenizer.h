/*
 * pretokenizer.h - cuts text into the pieces that byte-pair merges never cross
 *
 * The pieces are those of a pattern (tokenizer.md), as the `tokenizers`
 * library finds them, in every run of valid UTF-8; each byte that is not UTF-8
 * is a piece of its own. The pieces of a text, one after the other, are the text.
 *
 * Common patterns are written by hand (pretokenizer_fill.h); any other is matched by PCRE2
 * (pretokenizer_regex.c).
 */
#ifndef PRETOKENIZE_PRETOKENIZER_H
#define PRETOKENIZE_PRETOKENIZER_H

#include <stdbool.h>
#include <stddef.h>

enum pattern {
    PATTERN_QWEN2,       /* our default: each digit is a piece of its own */
    PATTERN_LLAMA3,      /* as QWEN2, but with up to three digits in a piece */
    PATTERN_CL100K,      /* tiktoken's: as LLAMA3, but white space at the end of a text stays together */
    PATTERN_GPT2,        /* ByteLevel's own */
    PATTERN_GPT2_DIGITS, /* first Digits one by one, then GPT2 on the text between them */
    PATTERN_NONE,        /* the text is a single piece */
    N_PATTERNS,
    PATTERN_REGEX = N_PATTERNS,
};

/* Returns the regular expression as files spell it; NULL for GPT2_DIGITS (which takes two steps) and NONE. */
const char *pattern_regex(enum pattern pattern);
/* Returns the pattern that is spelled so, or has the same meaning; PATTERN_REGEX: it is not a known one. */
enum pattern pattern_named(const char *regex);

/* Whether a regular expression that PCRE2 accepts may match the empty string; PATTERN_REGEX must not. */
bool pattern_matches_nothing(const char *regex);

struct pretokenizer;                         /* may be used by one thread at a time */
struct pretokenizer *pretokenizer_new(void); /* opens PATTERN_QWEN2 */
/* regex: the expression for PATTERN_REGEX. Returns NULL with the reason when PCRE2 refuses it. */
struct pretokenizer *pretokenizer_open(enum pattern pattern, const char *regex, char *why, size_t cap);
void pretokenizer_free(struct pretokenizer *p); /* NULL is fine */

void pretokenizer_begin(struct pretokenizer *p, const char *text, size_t len);
/* Returns the length of the next piece; 0 at the end of the text. */
size_t pretokenizer_next(struct pretokenizer *p, const char **piece);
/* Returns the ends of the next pieces, as positions in the text, and their number, 0 at the end. Valid until
 * the next call. */
size_t pretokenizer_ends(struct pretokenizer *p, const size_t **ends);

/* Returns a position in [want, max], 0 < want <= max < len, where a text longer than `max` may be cut so that
 * both parts are tokenised with the same result. When there is none (a single piece, or only signs and
 * spaces), returns max, or a little less where max would split a character. */
size_t pretokenizer_cut(struct pretokenizer *p, const char *text, size_t len, size_t want, size_t max);

/* Returns the length of the longest prefix that is valid UTF-8. */
size_t utf8_prefix(const char *text, size_t len);

#endif
