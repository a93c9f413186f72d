/*
 * pieces.c - hash tables whose slots are written once, each replaced by a larger one when it is full
 */
#include "pipeline/text/encode/pieces.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "pipeline/lib/fs.h"
#include "pipeline/text/vocabulary/vocabulary.h"

enum {
    LEAST_BITS = 12,
    MOST_BITS = 20,    /* 32 MiB */
    SLOTS_A_MERGE = 8, /* at first: a table that is nearly empty has most pieces in their first slot */
    LINES = 4,         /* a key may be in so many lines, which follow each other */
};

static const uint64_t CLAIMED = ~(uint64_t)0; /* the slot is being written; no key ends with this word */

#define KEEP(n) ((n) <= 0 ? 0 : (n) >= 8 ? ~(uint64_t)0 : ((uint64_t)1 << 8 * ((n)&7)) - 1)
#define MASK(n)                                                                                              \
    {                                                                                                        \
        KEEP(n), KEEP((n)-8)                                                                                 \
    }
const struct piece_key piece_masks[PIECE_KEY + 1] = {
    MASK(0), MASK(1), MASK(2),  MASK(3),  MASK(4),  MASK(5),  MASK(6),  MASK(7),
    MASK(8), MASK(9), MASK(10), MASK(11), MASK(12), MASK(13), MASK(14), MASK(15),
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards users and changes of newest */

struct piece_key piece_key_at_end(const char *piece, size_t len)
{
    struct piece_key k = {0};
    memcpy(&k, piece, len);
    k.high |= (uint64_t)len << 56;
    return k;
}

/* Returns the slots of the line that is searched as number i. */
static struct piece_slot *line_of(const struct piece_table *t, struct piece_key k, size_t i)
{
    return &t->slots[2 * (piece_hash(k) >> t->shift ^ i)];
}

const struct piece_slot *pieces_find(const struct piece_table *t, struct piece_key k)
{
    const struct piece_slot *line = line_of(t, k, 0), *s = piece_find(line, k);
    for (size_t i = 1; !s && i < LINES && atomic_load_explicit(&line[1].high, memory_order_relaxed); i++) {
        line = line_of(t, k, i);
        s = piece_find(line, k);
    }
    return s;
}

static bool claim(struct piece_slot *s)
{
    uint64_t empty = 0;
    return atomic_compare_exchange_strong_explicit(&s->high, &empty, CLAIMED, memory_order_relaxed,
                                                   memory_order_relaxed);
}

/* Stores the words of a slot. */
static void store(struct piece_table *t, struct piece_key k, const uint32_t *words)
{
    for (size_t i = 0; i < 2 * LINES; i++) {
        struct piece_slot *s = line_of(t, k, i / 2) + i % 2;
        if (!claim(s))
            continue;
        atomic_store_explicit(&s->low, k.low, memory_order_relaxed);
        memcpy(s->ids, words, sizeof s->ids);
        atomic_store_explicit(&s->high, k.high, memory_order_release);
        return;
    }
}

static void store_ids(struct piece_table *t, struct piece_key k, const uint32_t *ids, size_t n)
{
    uint32_t words[PIECE_IDS] = {0};
    memcpy(words, ids, n * sizeof *ids);
    words[0] |= (uint32_t)n << PIECE_ID_BITS;
    store(t, k, words);
}

static struct piece_table *table_new(int bits)
{
    struct piece_table *t = xcalloc(1, sizeof *t);
    size_t n = (size_t)1 << bits;
    t->slots = xcalloc_huge(n, sizeof *t->slots);
    t->bits = bits;
    t->shift = 65 - bits;
    t->users = 1;
    t->limit = bits < MOST_BITS ? n / 2 : 2 * n;
    return t;
}

/* Puts in the tokens that occur as whole pieces. Those that were learned first are the most frequent, and
 * get the first slot of their line. */
static void put_tokens(struct piece_table *table, const struct tokenizer *t)
{
    for (uint32_t rank = 0; rank < t->n_merges; rank++) {
        uint32_t id = t->merges[rank].id, len = t->extents[id].len;
        if (t->made[id].by != rank + 1 || len > PIECE_KEY)
            continue;
        store_ids(table, piece_key_at_end(token_bytes(t, id), len), &id, 1);
        table->puts++;
    }
}

static struct piece_table *table_with_tokens(const struct tokenizer *t, int bits)
{
    struct piece_table *table = table_new(bits);
    if (t && !t->ignore_merges)
        put_tokens(table, t);
    return table;
}

static struct piece_table *table_copy(const struct piece_table *from)
{
    struct piece_table *t = table_new(from->bits + 1);
    for (size_t i = 0; i < (size_t)1 << from->bits; i++) {
        const struct piece_slot *s = &from->slots[i];
        struct piece_key k = {.high = atomic_load_explicit(&s->high, memory_order_acquire)};
        if (k.high == 0 || k.high == CLAIMED)
            continue;
        k.low = atomic_load_explicit(&s->low, memory_order_relaxed);
        store(t, k, s->ids);
    }
    t->puts = from->limit; /* not from->puts: others may have put much more into the old table meanwhile */
    return t;
}

struct pieces *pieces_new(const struct tokenizer *t)
{
    struct pieces *p = xcalloc(1, sizeof *p);
    int bits = LEAST_BITS;
    while (t && bits < MOST_BITS && (size_t)1 << bits < SLOTS_A_MERGE * (size_t)t->n_merges)
        bits++;
    p->t = t;
    p->newest = table_with_tokens(t, bits);
    return p;
}

void pieces_free(struct pieces *p)
{
    if (!p)
        return;
    pieces_leave(p->newest);
    free(p);
}

struct piece_table *pieces_enter(struct pieces *p)
{
    pthread_mutex_lock(&mutex);
    struct piece_table *t = p->newest;
    t->users++;
    pthread_mutex_unlock(&mutex);
    return t;
}

void pieces_leave(struct piece_table *t)
{
    pthread_mutex_lock(&mutex);
    size_t left = --t->users;
    pthread_mutex_unlock(&mutex);
    if (left > 0)
        return;
    free_huge(t->slots, (size_t)1 << t->bits, sizeof *t->slots);
    free(t);
}

/* What others put into the old table meanwhile may be lost, which costs merging it once more. */
static void replace(struct pieces *p, struct piece_table *old)
{
    struct piece_table *t = old->bits < MOST_BITS ? table_copy(old) : table_with_tokens(p->t, MOST_BITS);
    pthread_mutex_lock(&mutex);
    p->newest = t;
    pthread_mutex_unlock(&mutex);
    pieces_leave(old);
}

void pieces_put(struct pieces *p, struct piece_table *t, struct piece_key k, const uint32_t *ids, size_t n)
{
    store_ids(t, k, ids, n);
    if (atomic_fetch_add_explicit(&t->puts, 1, memory_order_relaxed) + 1 == t->limit)
        replace(p, t);
}
