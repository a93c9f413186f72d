/*
 * word_counts.h - how often each pre-token occurs, in bounded memory
 *
 * Words keep the order in which they were first added. When the table outgrows
 * its budget, the rarest words are forgotten: at a point that depends on the
 * additions alone, so equal input gives equal counts.
 */
#ifndef TEXT_WORD_COUNTS_H
#define TEXT_WORD_COUNTS_H

#include <stddef.h>
#include <stdint.h>

struct word {
    uint64_t count;
    uint64_t at;                /* in bytes[] */
    uint32_t len, hash;
};

struct word_counts {
    struct word *words;
    size_t n, cap;
    char *bytes;
    size_t n_bytes, bytes_cap;
    uint32_t *slots;            /* index in words + 1; 0: empty */
    size_t n_slots;             /* power of two */
    size_t budget;              /* bytes; 0: none */
    uint64_t forgotten;         /* occurrences of words that were dropped */
};

void word_counts_init(struct word_counts *c, size_t budget);
void word_counts_add(struct word_counts *c, const char *word, size_t len, uint64_t count);
/* Drops the rarest words when over the budget. */
void word_counts_trim(struct word_counts *c);
void word_counts_reset(struct word_counts *c);      /* empties it, keeps the memory */
void word_counts_free(struct word_counts *c);

#endif
