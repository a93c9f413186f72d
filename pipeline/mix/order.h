/*
 * order.h - in which order the windows of a source are read
 *
 * An epoch visits every window once, in an order given by keyed permutations: unbalanced Feistel networks on
 * the next power of two, walked until they land inside (Black and Rogaway 2002). They need no table, and any
 * position is found directly.
 *
 * A source of more than ORDER_WHOLE_STRETCHES stretches (neighbouring windows of ORDER_STRETCH_BYTES
 * together) is read a chapter at a time, so that a large source needs little memory, and is read from disk in
 * large pieces: its stretches are put in random order, at most ORDER_CHAPTER_STRETCHES of them make a
 * chapter, and the windows of a chapter come in random order. The windows after the last whole stretch belong
 * to the last chapter.
 */
#ifndef MIX_ORDER_H
#define MIX_ORDER_H

#include <stdint.h>

enum {
    PERMUTATION_ROUNDS = 6,
    ORDER_STRETCH_BYTES = 2 << 20,
    ORDER_WHOLE_STRETCHES = 32,
    ORDER_CHAPTER_STRETCHES = 16
};

struct permutation {
    uint64_t n;
    unsigned left_bits, right_bits;
    uint64_t keys[PERMUTATION_ROUNDS];
};

/* Makes a permutation of 0 .. n-1, n within 1 .. 2^62. */
void permutation_init(struct permutation *p, uint64_t n, uint64_t seed, uint64_t source_key, uint64_t epoch);
uint64_t permutation_at(const struct permutation *p, uint64_t i);

struct order {
    uint64_t windows, stretch, n_stretches,
        n_chapters; /* stretch: windows in one; n_stretches: complete ones */
    uint64_t seed, source_key;
    uint64_t epoch, chapter; /* the epoch and chapter that the current permutations belong to */
    struct permutation stretches, inside;
};

/* windows >= 1, of window_bytes each. source_key makes the orders of different sources differ. */
void order_init(struct order *o, uint64_t windows, uint64_t window_bytes, uint64_t seed, uint64_t source_key);
/* Returns the window of draw k, k = epoch * windows + place; fast when the call before was in the same
 * chapter. */
uint64_t order_at(struct order *o, uint64_t k);

#endif
