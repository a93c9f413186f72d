/*
 * pretokenizer.h - cut text into the pieces that byte-pair merges never cross
 *
 * The pieces are those of the Qwen2 pattern (tokenizer.md), as the
 * `tokenizers` library finds them, in every run of valid UTF-8; each byte
 * that is not UTF-8 is a piece of its own. The pieces of a text, one after
 * the other, are the text.
 */
#ifndef TEXT_PRETOKENIZER_H
#define TEXT_PRETOKENIZER_H

#include <stddef.h>

/* The pattern as tokenizer.json spells it. */
extern const char pretokenizer_pattern[];

struct pretokenizer;                    /* one thread's */
struct pretokenizer *pretokenizer_new(void);
void pretokenizer_free(struct pretokenizer *p);     /* NULL is fine */

void pretokenizer_begin(struct pretokenizer *p, const char *text, size_t len);
/* The next piece; 0 at the end of the text. */
size_t pretokenizer_next(struct pretokenizer *p, const char **piece);

/* Where a text longer than `max` may be cut in two that are tokenised apart with the same result: a position in
 * [want, max], 0 < want <= max < len. When there is none such (a single piece, or only signs and spaces), max, less what
 * would split a character. */
size_t pretokenizer_cut(struct pretokenizer *p, const char *text, size_t len, size_t want, size_t max);

/* Length of the longest prefix that is valid UTF-8. */
size_t utf8_prefix(const char *text, size_t len);

#endif
