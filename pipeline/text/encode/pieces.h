/*
 * pieces.h - a cache of the ids of short pieces, shared by the encoders of one tokenizer
 *
 * A piece that one thread has merged is found here by the others. A slot is written once, by one thread; a
 * reader that sees its key sees all of its ids, so nobody waits. The table has a fixed size and never removes
 * a piece: when all slots that a piece may be in are taken, it is not stored.
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
}; /* most bytes of a piece; most ids of a piece; bits of the first id in a slot */

struct piece_key { /* the bytes, zeros after them, and their number (1 to 15) in the last byte */
    uint64_t low, high;
};

static inline uint64_t piece_hash(struct piece_key k)
{
    return k.low * 0x9e3779b97f4a7c15u + k.high * 0xd6e8feb86659fd93u;
}

/* Writes n ids to the PIECE_IDS words of a slot: their number is stored above the first id, and zeros follow
 * the last. */
static inline void piece_ids_put(uint32_t *slot, const uint32_t *ids, size_t n)
{
    memset(slot, 0, PIECE_IDS * sizeof *slot);
    memcpy(slot, ids, n * sizeof *ids);
    slot[0] |= (uint32_t)n << PIECE_ID_BITS;
}

/* Copies all PIECE_IDS words, which is faster than copying only those in use. Returns how many are in use. */
static inline size_t piece_ids_take(const uint32_t *slot, uint32_t *ids)
{
    uint32_t first = slot[0];
    memcpy(ids, slot, PIECE_IDS * sizeof *ids);
    ids[0] = first & ((1 << PIECE_ID_BITS) - 1);
    return first >> PIECE_ID_BITS;
}

struct pieces;
struct pieces *pieces_new(void);    /* dies when there is no memory */
void pieces_free(struct pieces *p); /* NULL is fine; must come after the encoders that share it are freed */
/* Copies the ids of k to ids, which has room for PIECE_IDS. Returns how many; 0: k is not in the table. */
size_t pieces_get(struct pieces *p, struct piece_key k, uint32_t *ids);
/* Stores the ids of k, 1 <= n <= PIECE_IDS, if there is a free slot. */
void pieces_put(struct pieces *p, struct piece_key k, const uint32_t *ids, size_t n);

#endif
