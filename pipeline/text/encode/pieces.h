/*
 * pieces.h - a cache of the ids of short pieces, shared by the encoders of one tokenizer
 *
 * A table of slots, two to a line of the processor's cache. A slot is written once, by one thread; a reader
 * that sees its key sees all of its ids, so nobody waits. When a table fills up, a larger one with the same
 * pieces takes its place, and in place of the largest one, after as many misses, a new one with the tokens
 * alone. Encoders go over to the newest table when they like; the last one to leave an old table frees it.
 *
 *   table = pieces_enter(p)
 *   ids of many pieces: piece_line, prefetch, piece_find, or else pieces_find, or else pieces_put
 *   table = pieces_renew(p, table)      now and then
 *   pieces_leave(p, table)
 */
#ifndef ENCODE_PIECES_H
#define ENCODE_PIECES_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct tokenizer;

enum {
    PIECE_KEY = 15,
    PIECE_IDS = 4,
    PIECE_ID_BITS = 28
}; /* most bytes of a piece; most ids of a piece; bits of the first id in a slot */

struct piece_key { /* the bytes, zeros after them, and their number (1 to 15) in the last byte */
    uint64_t low, high;
};

struct piece_slot {
    _Atomic uint64_t high, low; /* the key; high is written last, and 0 where the slot is empty */
    uint32_t ids[PIECE_IDS];    /* the first also holds the number of ids; zeros follow the last */
};
_Static_assert(sizeof(struct piece_slot) == 32, "two slots to a cache line");

struct piece_table {
    struct piece_slot *slots;
    int bits, shift;     /* 2^bits slots; shift: from a hash to the number of a line */
    size_t users;        /* encoders that use the table, and one more for the newest; guarded by a mutex */
    _Atomic size_t puts; /* pieces that were not found */
    size_t limit;        /* so many puts end the table's time */
};

struct pieces {
    _Atomic(struct piece_table *) newest;
    const struct tokenizer *t; /* whose tokens are in each table from the start; NULL: none */
};

extern const struct piece_key piece_masks[PIECE_KEY + 1]; /* by length: all ones where a piece has bytes */

/* Returns the key of a piece of 1 to 15 bytes; `there` bytes at piece may be read. */
struct piece_key piece_key_at_end(const char *piece, size_t len);
static inline struct piece_key piece_key(const char *piece, size_t len, size_t there)
{
    uint64_t low, high;
    if (__builtin_expect(there < sizeof low + sizeof high, 0))
        return piece_key_at_end(piece, len);
    memcpy(&low, piece, sizeof low);
    memcpy(&high, piece + sizeof low, sizeof high);
    return (struct piece_key){low & piece_masks[len].low,
                              (high & piece_masks[len].high) | (uint64_t)len << 56};
}

static inline uint64_t piece_hash(struct piece_key k)
{
    return k.low * 0x9e3779b97f4a7c15u + k.high * 0xd6e8feb86659fd93u;
}

/* Returns the two adjacent slots, on one line of the processor's cache, where k is first looked for. */
static inline const struct piece_slot *piece_line(const struct piece_table *t, struct piece_key k)
{
    return &t->slots[2 * (piece_hash(k) >> t->shift)];
}

/* 0: the slot has this key, and its ids may be read. */
static inline uint64_t piece_differs(const struct piece_slot *s, struct piece_key k)
{
    uint64_t high = atomic_load_explicit(&s->high, memory_order_acquire);
    return (high ^ k.high) | (atomic_load_explicit(&s->low, memory_order_relaxed) ^ k.low);
}

/* Returns the slot of k on its line; NULL: it is not there. Which of the two it is cannot be predicted, so
 * that it is no branch. */
static inline const struct piece_slot *piece_find(const struct piece_slot *line, struct piece_key k)
{
    uint64_t first = piece_differs(line, k), second = piece_differs(line + 1, k);
    uint64_t least = first < second ? first : second;
    return least != 0 ? NULL : line + (first != 0);
}

/* Copies all PIECE_IDS words, which is faster than copying only those in use. Returns how many are in use. */
static inline size_t piece_ids_take(const struct piece_slot *s, uint32_t *ids)
{
    uint32_t first = s->ids[0];
    memcpy(ids, s->ids, sizeof s->ids);
    ids[0] = first & ((1 << PIECE_ID_BITS) - 1);
    return first >> PIECE_ID_BITS;
}

struct pieces *pieces_new(const struct tokenizer *t); /* dies when there is no memory, as all here do */
void pieces_free(struct pieces *p); /* NULL is fine; must come after the encoders that share it are freed */

struct piece_table *pieces_enter(struct pieces *p);
void pieces_leave(struct piece_table *t);
static inline struct piece_table *pieces_renew(struct pieces *p, struct piece_table *t)
{
    if (atomic_load_explicit(&p->newest, memory_order_relaxed) == t)
        return t;
    pieces_leave(t);
    return pieces_enter(p);
}

/* Returns the slot of k, on its line or behind it; NULL: it is not in the table. */
const struct piece_slot *pieces_find(const struct piece_table *t, struct piece_key k);
/* Stores the ids of k, if there is a free slot; n: how many, or 0 where there are more than PIECE_IDS. May
 * replace the newest table. */
void pieces_put(struct pieces *p, struct piece_table *t, struct piece_key k, const uint32_t *ids, size_t n);

#endif
