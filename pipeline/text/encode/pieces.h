/*
 * pieces.h - the ids of short pieces, shared by the encoders of one tokenizer
 *
 * What one thread has merged the others find here. A slot is written once and by one thread; whoever sees its
 * key sees the whole of it, so that nobody waits. Full neighbourhoods take nothing more: the table is of
 * fixed size and forgets nothing.
 */
#ifndef ENCODE_PIECES_H
#define ENCODE_PIECES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    PIECE_KEY = 15,
    PIECE_IDS = 4,
    PIECE_ID_BITS = 28
}; /* bytes of a piece, and ids, at most; bits of the first id in a slot */

struct piece_key { /* the bytes, zeros behind them, and their number (1 to 15) as the last */
    uint64_t low, high;
};

static inline uint64_t piece_hash(struct piece_key k)
{
    return k.low * 0x9e3779b97f4a7c15u + k.high * 0xd6e8feb86659fd93u;
}

/* n ids in the PIECE_IDS words of a slot, their number above the first, zeros behind them. */
static inline void piece_ids_put(uint32_t *slot, const uint32_t *ids, size_t n)
{
    memset(slot, 0, PIECE_IDS * sizeof *slot);
    memcpy(slot, ids, n * sizeof *ids);
    slot[0] |= (uint32_t)n << PIECE_ID_BITS;
}

/* Writes PIECE_IDS words, be they needed or not. Returns how many are. */
static inline size_t piece_ids_take(const uint32_t *slot, uint32_t *ids)
{
    uint32_t first = slot[0];
    memcpy(ids, slot, PIECE_IDS * sizeof *ids);
    ids[0] = first & ((1 << PIECE_ID_BITS) - 1);
    return first >> PIECE_ID_BITS;
}

struct pieces;
struct pieces *pieces_new(void);    /* dies when memory is out */
void pieces_free(struct pieces *p); /* NULL is fine; after the encoders that share it */
/* The ids of k, ids has room for PIECE_IDS. Returns how many; 0: not there. */
size_t pieces_get(struct pieces *p, struct piece_key k, uint32_t *ids);
/* 1 <= n <= PIECE_IDS. May do nothing. */
void pieces_put(struct pieces *p, struct piece_key k, const uint32_t *ids, size_t n);

#endif
