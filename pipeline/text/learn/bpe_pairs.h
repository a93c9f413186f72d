/*
 * bpe_pairs.h - the pairs of neighbouring symbols: their counts, their positions, and the most frequent one
 *
 * The positions of a pair include some that have been merged away since; only the text tells which are valid.
 * Candidates are lazy: a pair's count can only fall after the step in which the pair arose, so a candidate
 * that is taken with an outdated count is put back with its present count.
 */
#ifndef LEARN_BPE_PAIRS_H
#define LEARN_BPE_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FEW_POSITIONS = 2 }; /* so few positions need no memory of their own: most pairs are rare */

struct pair {
    uint32_t a, b;
    uint64_t count;
    union {
        uint32_t few[FEW_POSITIONS];
        uint32_t *many; /* has room for n rounded up to a power of two */
    } at;
    uint32_t n;
};

struct candidate {
    uint64_t count;
    uint64_t ab; /* a << 32 | b: among equal counts the lowest comes first */
    uint32_t pair;
};

struct pairs {
    struct pair *v;
    uint32_t n, cap;
    uint32_t *slots; /* index in v plus 1; 0: empty */
    uint32_t n_slots;
    struct candidate *heap;
    size_t heap_n, heap_cap;
    uint64_t min_count; /* pairs with a smaller count are no candidates */
};

void pairs_init(struct pairs *p, uint64_t min_count);
void pairs_free(struct pairs *p);
/* Returns the index of the pair, which is created if it is new. */
uint32_t pairs_index(struct pairs *p, uint32_t a, uint32_t b);
void pairs_add_position(struct pairs *p, uint32_t pair, uint32_t position);
/* Returns the n positions of the pair, which has none from then on. Positions without memory of their own are
 * copied to few. The caller passes the result to pairs_give_back. */
uint32_t *pairs_take(struct pairs *p, uint32_t pair, uint32_t few[FEW_POSITIONS], uint32_t *n);
void pairs_give_back(uint32_t *positions, const uint32_t few[FEW_POSITIONS]);

/* Makes the pair a candidate with its present count. */
void pairs_push(struct pairs *p, uint32_t pair);
/* Takes the most frequent candidate; among equals the one with the lowest ids. False: none is left. */
bool pairs_best(struct pairs *p, uint32_t *pair);

#endif
