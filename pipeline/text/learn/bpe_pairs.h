/*
 * bpe_pairs.h - the pairs of neighbours: how often, where, and which is the most frequent
 *
 * A pair's positions are those it has had; some may have been merged away since, and
 * only the text knows. Candidates are lazy: a pair's count can only fall after the step in
 * which the pair arose, so a candidate that comes up with a count that is out of
 * date goes back with the count of now.
 */
#ifndef LEARN_BPE_PAIRS_H
#define LEARN_BPE_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FEW_POSITIONS = 2 }; /* so many need no memory of their own: most pairs are rare */

struct pair {
    uint32_t a, b;
    uint64_t count;
    union {
        uint32_t few[FEW_POSITIONS];
        uint32_t *many; /* room for n rounded up to a power of two */
    } at;
    uint32_t n;
};

struct candidate {
    uint64_t count;
    uint64_t ab; /* a << 32 | b: of equals the lowest comes first */
    uint32_t pair;
};

struct pairs {
    struct pair *v;
    uint32_t n, cap;
    uint32_t *slots; /* index in v + 1; 0: empty */
    uint32_t n_slots;
    struct candidate *heap;
    size_t heap_n, heap_cap;
    uint64_t min_count; /* rarer ones are no candidates */
};

void pairs_init(struct pairs *p, uint64_t min_count);
void pairs_free(struct pairs *p);
/* Index of the pair, which is made when it is new. */
uint32_t pairs_index(struct pairs *p, uint32_t a, uint32_t b);
void pairs_add_position(struct pairs *p, uint32_t pair, uint32_t position);
/* The positions, n of them; the pair has none from now on. *few is used for those that have no memory of
 * their own. The caller passes what it got to pairs_give_back. */
uint32_t *pairs_take(struct pairs *p, uint32_t pair, uint32_t few[FEW_POSITIONS], uint32_t *n);
void pairs_give_back(uint32_t *positions, const uint32_t few[FEW_POSITIONS]);

/* Makes the pair a candidate with its count of now. */
void pairs_push(struct pairs *p, uint32_t pair);
/* Takes the most frequent candidate; of equals that of the lowest ids. False: none is left. */
bool pairs_best(struct pairs *p, uint32_t *pair);

#endif
