/*
 * repeats.h - which pieces of a text have been there before
 */
#ifndef FILTER_REPEATS_H
#define FILTER_REPEATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Hashes with counts. The memory is used again from text to text. */
struct repeats {
    struct repeat {
        uint64_t hash; /* 0: free */
        uint32_t count;
    } * slots;
    size_t mask, cap; /* slots used now, less one; slots that there are */
};

/* Empties it, for at most n different hashes. */
void repeats_begin(struct repeats *r, size_t n);
/* Counts a hash, and returns how often it was there before. */
uint32_t repeats_add(struct repeats *r, uint64_t hash);
uint32_t repeats_count(const struct repeats *r, uint64_t hash); /* how often it was added */
void repeats_free(struct repeats *r);

/* Pieces that are not the first of their kind, and their characters. */
struct repeated {
    uint64_t pieces, again, chars;
};
/* Counts a piece of the text. */
void repeated_add(struct repeated *to, struct repeats *r, const char *s, size_t len);

#endif
