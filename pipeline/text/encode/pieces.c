/*
 * pieces.c - a hash table whose slots are written once
 */
#include "pipeline/text/encode/pieces.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "pipeline/lib/fs.h"

enum { BITS = 18, TRIES = 4 }; /* BITS: slots for 8 MiB. TRIES: slots that a key may be in: two cache lines */

static const uint64_t CLAIMED = ~(uint64_t)0; /* the slot is being written; no key ends with this word */

struct slot {
    _Atomic uint64_t high; /* the key's second word, written last; 0: the slot is empty */
    uint64_t low;
    uint32_t ids[PIECE_IDS]; /* the first also holds the number of ids */
};
_Static_assert(sizeof(struct slot) == 32, "slots do not straddle cache lines");

struct pieces {
    struct slot slots[1 << BITS];
};

struct pieces *pieces_new(void)
{
    return xcalloc_huge(1, sizeof(struct pieces));
}

void pieces_free(struct pieces *p)
{
    free(p);
}

/* Returns the first of the TRIES slots that k may be in. */
static struct slot *slots_of(struct pieces *p, struct piece_key k)
{
    return &p->slots[piece_hash(k) >> (64 - BITS) & ~(uint64_t)(TRIES - 1)];
}

size_t pieces_get(struct pieces *p, struct piece_key k, uint32_t *ids)
{
    struct slot *s = slots_of(p, k);
    for (int i = 0; i < TRIES; i++, s++) {
        uint64_t high = atomic_load_explicit(&s->high, memory_order_acquire);
        if (high == k.high && s->low == k.low)
            return piece_ids_take(s->ids, ids);
        if (high == 0)
            return 0;
    }
    return 0;
}

void pieces_put(struct pieces *p, struct piece_key k, const uint32_t *ids, size_t n)
{
    struct slot *s = slots_of(p, k);
    for (int i = 0; i < TRIES; i++, s++) {
        uint64_t empty = 0;
        if (!atomic_compare_exchange_strong_explicit(&s->high, &empty, CLAIMED, memory_order_relaxed,
                                                     memory_order_relaxed))
            continue;
        s->low = k.low;
        piece_ids_put(s->ids, ids, n);
        atomic_store_explicit(&s->high, k.high, memory_order_release);
        return;
    }
}
