/*
 * pretokenizer.h - cut text into the pieces that byte-pair merges never cross
 *
 * The pieces are those of a pattern (tokenizer.md), as the `tokenizers`
 * library finds them, in every run of valid UTF-8; each byte that is not UTF-8
 * is a piece of its own. The pieces of a text, one after the other, are the text.
 *
 * The patterns in use are written by hand (pretokenizer_fill.h); any other is matched by PCRE2
 * (pretokenizer_regex.c).
 */
#ifndef PRETOKENIZE_PRETOKENIZER_H
#define PRETOKENIZE_PRETOKENIZER_H

#include <stdbool.h>
#include <stddef.h>

enum pattern {
    PATTERN_QWEN2,       /* ours: numbers one by one */
    PATTERN_LLAMA3,      /* the same with numbers in threes */
    PATTERN_CL100K,      /* as tiktoken has it: the same, but blanks at the end stay together */
    PATTERN_GPT2,        /* what ByteLevel does when left to itself */
    PATTERN_GPT2_DIGITS, /* Digits one by one, then GPT-2's on what is between them */
    PATTERN_NONE,        /* no cuts */
    N_PATTERNS,
    PATTERN_REGEX = N_PATTERNS,
};

/* The regular expression as files spell it; NULL for GPT2_DIGITS (two steps) and NONE. */
const char *pattern_regex(enum pattern pattern);
/* The pattern that is spelled so, or means the same; PATTERN_REGEX: none that is known. */
enum pattern pattern_named(const char *regex);

/* Whether a regular expression that PCRE2 takes may match nothing at all: PATTERN_REGEX is for others. */
bool pattern_matches_nothing(const char *regex);

struct pretokenizer;                         /* one thread's */
struct pretokenizer *pretokenizer_new(void); /* PATTERN_QWEN2 */
/* regex: that of PATTERN_REGEX. NULL: PCRE2 refuses it, with the reason. */
struct pretokenizer *pretokenizer_open(enum pattern pattern, const char *regex, char *why, size_t cap);
void pretokenizer_free(struct pretokenizer *p); /* NULL is fine */

void pretokenizer_begin(struct pretokenizer *p, const char *text, size_t len);
/* The next piece; 0 at the end of the text. */
size_t pretokenizer_next(struct pretokenizer *p, const char **piece);
/* The ends of the next pieces, as positions in the text; how many, 0 at the end. Valid until the next call.
 */
size_t pretokenizer_ends(struct pretokenizer *p, const size_t **ends);

/* Where a text longer than `max` may be cut in two that are tokenised apart with the same result: a position
 * in [want, max], 0 < want <= max < len. When there is none such (a single piece, or only signs and spaces),
 * max, less what would split a character. */
size_t pretokenizer_cut(struct pretokenizer *p, const char *text, size_t len, size_t want, size_t max);

/* Length of the longest prefix that is valid UTF-8. */
size_t utf8_prefix(const char *text, size_t len);

#endif
