/*
 * chars.h - what the rules ask about a character
 *
 * The rules were made in Python, on characters. Here a text is UTF-8: its characters are decoded where they
 * are looked at, and each byte that is not UTF-8 counts as one U+FFFD.
 */
#ifndef FILTER_CHARS_H
#define FILTER_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum char_class {                       /* bits; a character may have several */
                  CHAR_SPACE = 1,       /* white space of Python's str.split */
                  CHAR_LINE_END = 2,    /* ends a line of Python's str.splitlines */
                  CHAR_LETTER = 4,      /* general category L */
                  CHAR_LOWER = 8,       /* a letter that is not upper case */
                  CHAR_UPPER = 16,      /* a letter that is not lower case */
                  CHAR_DIGIT = 32,      /* 0 to 9 */
                  CHAR_NUMBER = 64,     /* general category Nd */
                  CHAR_MARK = 128,      /* general category Mn: an accent that stands by itself */
                  CHAR_PUNCT = 256,     /* general category P */
                  CHAR_SIGN = 512,      /* punctuation as datatrove lists it, and controls */
                  CHAR_STOP = 1024,     /* ends a sentence */
                  CHAR_QUOTE = 2048,    /* a quotation mark, or a bracket used as one */
                  CHAR_BEFORE = 4096,   /* stands apart from the word behind it */
                  CHAR_AFTER = 8192,    /* stands apart from the word before it */
                  CHAR_WITHIN = 16384,  /* parts the words on both sides: a symbol, or an ellipsis */
                  CHAR_CURRENCY = 32768 /* as currency: stands apart from a number before it */
};

/* Fills the table below; called once, before there are threads. */
void chars_begin(void);
extern uint16_t chars_ascii[128];
uint16_t chars_beyond_ascii(uint32_t c);

static inline uint16_t char_class(uint32_t c)
{
    return c < 128 ? chars_ascii[c] : chars_beyond_ascii(c);
}

/* Decodes the character at s (s < end) into *c, and returns the number of its bytes. */
size_t char_decode(const char *s, const char *end, uint32_t *c);
/* Decodes the character that ends before s (begin < s). */
size_t char_decode_before(const char *begin, const char *s, uint32_t *c);

static inline size_t char_next(const char *s, const char *end, uint32_t *c)
{
    if ((unsigned char)*s < 128) {
        *c = (unsigned char)*s;
        return 1;
    }
    return char_decode(s, end, c);
}

static inline size_t char_before(const char *begin, const char *s, uint32_t *c)
{
    if ((unsigned char)s[-1] < 128) {
        *c = (unsigned char)s[-1];
        return 1;
    }
    return char_decode_before(begin, s, c);
}

/* The number of characters of a text. */
size_t chars_count(const char *s, size_t len);

/* A piece of a text. */
struct span {
    const char *s;
    size_t len;
};
/* A text without white space at its start, its end, or both. */
struct span span_strip_left(struct span t);
struct span span_strip_right(struct span t);
struct span span_strip(struct span t);
bool span_starts(struct span t, const char *with);
bool span_ends(struct span t, const char *with);
/* How often a word occurs, without overlap. */
size_t span_count(struct span t, const char *word);
/* Takes the next line off *rest, without its end, as Python's str.splitlines. False: there is none. */
bool span_line(struct span *rest, struct span *line);

#endif
