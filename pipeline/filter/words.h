/*
 * words.h - a text as words, cut the way spaCy's tokenizer for English cuts it, which datatrove's rules use
 *
 * White space parts the text; from each part, signs are taken off at both ends, and contractions ("do"
 * "n't"), numbers and their units, and words joined by hyphens are cut. Addresses of pages and abbreviations
 * stay whole. rules.md says where spaCy cuts otherwise.
 */
#ifndef FILTER_WORDS_H
#define FILTER_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WORDS_MAX = 1 << 20 }; /* words of one text; the text behind them is not looked at */

enum word_class {                  /* bits */
                  WORD_LETTER = 1, /* a letter is in it */
                  WORD_SIGNS = 2,  /* it holds nothing but CHAR_SIGN */
                  WORD_PUNCT = 4,  /* it holds nothing but CHAR_PUNCT */
                  WORD_STOP = 8,   /* it is one CHAR_STOP */
};

struct word {
    const char *s; /* in the text */
    uint32_t len, chars;
    uint32_t class;
    uint64_t hash; /* of its bytes */
};

struct words {
    struct word *v; /* n words; owned */
    size_t n, cap;
    uint32_t *suffixes; /* lengths of what was taken off the end of a part of the text; owned */
    size_t n_suffixes, cap_suffixes;
};

/* Replaces what w holds. chars_begin and words_begin have been called. */
void words_split(struct words *w, const char *text, size_t len);
void words_free(struct words *w);

/* The number of sentences, as spaCy's rule-based sentencizer counts them. */
size_t words_sentences(const struct words *w);

enum { WORD_PARTS = 3, WORD_MAX_SPECIAL = 23 /* bytes of the longest word that has a rule of its own */ };
/* Fills the table of contractions and abbreviations; called once, before there are threads. */
void words_begin(void);
/* The parts of a word that has a rule of its own; returns their number, 0 for all other words. */
size_t word_parts(const char *s, size_t len, uint64_t hash, uint8_t parts[WORD_PARTS]);
uint64_t word_hash(const char *s, size_t len);
/* Whether a word is the address of a page or a mailbox: a scheme and an owner, which may be missing, a host,
 * and a port and a path, which may be missing too. */
bool word_is_address(const char *s, size_t len);

#endif
