#include "pipeline/text/learn/word_counts.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL /* words are short: a call would cost as much as the hash */
#include <xxhash.h>

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

enum {
    FIRST_SLOTS = 1 << 12,
    EXTRA_SLOTS = 256, /* after the last slot: for words of the highest hashes when their places are taken */
    ARENA_STEP = 1 << 16,
};

struct record {
    uint64_t count;
    uint16_t len;
    char bytes[];
};

static struct record *record_of(const struct word_counts *c, struct word_slot slot)
{
    return (struct record *)(c->arena + slot.record - 1);
}

static size_t record_units(size_t len)
{
    return (offsetof(struct record, bytes) + len + 7) / 8;
}

/* Returns the first slot at which a word of this hash may be. */
static size_t place(const struct word_counts *c, uint32_t hash)
{
    return ((uint64_t)hash * c->n_slots) >> 32;
}

void word_counts_init(struct word_counts *c)
{
    *c = (struct word_counts){.n_slots = FIRST_SLOTS};
    c->slots = xcalloc(c->n_slots + EXTRA_SLOTS, sizeof *c->slots);
}

/* Returns false when there is no room after the last slot. */
static bool put_slot(struct word_counts *c, struct word_slot slot)
{
    size_t i = place(c, slot.hash), end = c->n_slots + EXTRA_SLOTS;
    while (i < end && c->slots[i].record)
        i++;
    if (i < end)
        c->slots[i] = slot;
    return i < end;
}

static void grow_slots(struct word_counts *c)
{
    struct word_slot *old = c->slots;
    size_t n_old = c->n_slots + EXTRA_SLOTS;
    bool fits;
    do {
        fits = true;
        c->n_slots *= 2;
        if (c->n_slots > (size_t)1 << 32)
            die("too many different words with the same hash");
        c->slots = xcalloc(c->n_slots + EXTRA_SLOTS, sizeof *c->slots);
        for (size_t i = 0; i < n_old && fits; i++)
            if (old[i].record)
                fits = put_slot(c, old[i]);
        if (!fits)
            free(c->slots);
    } while (!fits);
    free(old);
}

static uint32_t new_record(struct word_counts *c, const char *word, size_t len, uint64_t count)
{
    size_t units = record_units(len), at = c->used;
    if (at + units >= UINT32_MAX)
        die("too many different words: 32 GiB of them");
    if (at + units > c->cap) {
        c->cap = (at + units) + (at + units) / 2 + ARENA_STEP;
        c->arena = xrealloc(c->arena, c->cap * sizeof *c->arena);
    }
    c->used += units;
    struct record *r = (struct record *)(c->arena + at);
    r->count = count;
    r->len = (uint16_t)len;
    memcpy(r->bytes, word, len);
    return (uint32_t)at + 1;
}

void word_counts_add(struct word_counts *c, const char *word, size_t len, uint64_t count)
{
    uint32_t hash = (uint32_t)(XXH3_64bits(word, len) >> 32);
    for (size_t i = place(c, hash); i < c->n_slots + EXTRA_SLOTS && c->slots[i].record; i++) {
        if (c->slots[i].hash != hash)
            continue;
        struct record *r = record_of(c, c->slots[i]);
        if (r->len == len && memcmp(r->bytes, word, len) == 0) {
            r->count += count;
            return;
        }
    }
    struct word_slot slot = {hash, new_record(c, word, len, count)};
    c->n++;
    if (c->n > c->n_slots / 4 * 3)
        grow_slots(c);
    while (!put_slot(c, slot))
        grow_slots(c);
}

size_t word_counts_memory(const struct word_counts *c)
{
    return c->used * sizeof *c->arena + (c->n_slots + EXTRA_SLOTS) * sizeof *c->slots;
}

struct word word_counts_get(const struct word_counts *c, size_t slot)
{
    const struct record *r = record_of(c, c->slots[slot]);
    return (struct word){c->slots[slot].hash, r->len, r->count, r->bytes};
}

int word_compare(const struct word *x, const struct word *y)
{
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return memcmp(x->bytes, y->bytes, x->len);
}

void word_counts_sort(struct word_counts *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_slots + EXTRA_SLOTS; i++) {
        struct word_slot slot = c->slots[i];
        if (!slot.record)
            continue;
        size_t at = n++;
        for (; at > 0 && c->slots[at - 1].hash >= slot.hash; at--) {
            if (c->slots[at - 1].hash == slot.hash) {
                c->slots[at] = slot; /* so that word_counts_get sees it */
                struct word x = word_counts_get(c, at - 1), y = word_counts_get(c, at);
                if (word_compare(&x, &y) < 0)
                    break;
            }
            c->slots[at] = c->slots[at - 1];
        }
        c->slots[at] = slot;
    }
}

void word_counts_clear(struct word_counts *c)
{
    word_counts_free(c);
    word_counts_init(c);
}

void word_counts_free(struct word_counts *c)
{
    free(c->slots);
    free(c->arena);
    *c = (struct word_counts){0};
}
