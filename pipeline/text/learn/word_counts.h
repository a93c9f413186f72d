/*
 * word_counts.h - counts how often each pre-token occurs: the table of one thread
 *
 * Slots (8 bytes) hold the upper half of a word's hash and where its record is; records (count, length,
 * bytes) follow each other in one arena. A slot's place is the hash's upper bits and the table does not wrap
 * around, so it is sorted by hash but for a few neighbours: putting it in order costs one pass
 * (word_counts_sort).
 */
#ifndef LEARN_WORD_COUNTS_H
#define LEARN_WORD_COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WORD_MAX = 4096 }; /* bytes of a word */

struct word { /* words are ordered by hash, then length, then bytes */
    uint32_t hash, len;
    uint64_t count;
    const char *bytes;
};

struct word_slot {
    uint32_t hash;
    uint32_t record; /* in units of 8 bytes, from 1; 0: empty */
};

struct word_counts {
    struct word_slot *slots;
    size_t n_slots; /* a power of two; a few extra slots follow these */
    size_t n;       /* words */
    uint64_t *arena;
    size_t used, cap; /* used and allocated size of the arena, in units of 8 bytes */
};

void word_counts_init(struct word_counts *c);
/* 1 <= len <= WORD_MAX. Dies when out of memory. */
void word_counts_add(struct word_counts *c, const char *word, size_t len, uint64_t count);
size_t word_counts_memory(const struct word_counts *c); /* bytes in use */
/* Sorts the words into slots[0 .. n). Nothing may be added before word_counts_clear. */
void word_counts_sort(struct word_counts *c);
void word_counts_clear(struct word_counts *c); /* empties the table and returns memory */
void word_counts_free(struct word_counts *c);

struct word word_counts_get(const struct word_counts *c, size_t slot); /* slots[slot] must not be empty */
int word_compare(const struct word *x, const struct word *y);

#endif
