#include "pipeline/filter/seen.h"

#include "pipeline/filter/sorted.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/random.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_BITS = 10, FIRST_SLOTS = 1 << FIRST_BITS, MAX_FILES = 64, BLOOM_PROBES = 6 };

struct seen {
    unsigned words;
    uint64_t *table; /* n_slots keys; a key of zeros is free */
    size_t n_slots, n, most_slots;
    unsigned shift; /* 64 less the binary logarithm of n_slots */
    bool has_zero;  /* the key of zeros, which the table cannot hold */
    uint8_t *bloom; /* of all keys in files; NULL: there are no files */
    uint64_t bloom_bits;
    struct sorted files[MAX_FILES]; /* the oldest and largest first */
    size_t n_files;
    const char *dir;
    uint64_t spilled;
};

struct seen *seen_new(unsigned words, uint64_t memory, const char *dir)
{
    struct seen *s = xcalloc(1, sizeof *s);
    s->words = words;
    s->dir = dir;
    s->most_slots = FIRST_SLOTS;
    /* While a table doubles, the old one is there as well; an eighth is left for the filter. */
    while (2 * s->most_slots * words * sizeof *s->table <= memory / 12 * 7)
        s->most_slots *= 2;
    s->bloom_bits = memory / 8 * 8;
    s->n_slots = FIRST_SLOTS;
    s->shift = 64 - FIRST_BITS;
    s->table = xcalloc_huge(s->n_slots * words, sizeof *s->table);
    return s;
}

static bool is_zero(const struct seen *s, const uint64_t *key)
{
    return key[0] == 0 && (s->words == 1 || key[1] == 0);
}

/* The slot of a key, or the free one where it belongs. */
static uint64_t *slot(const struct seen *s, const uint64_t *key)
{
    size_t i = key[0] >> s->shift; /* so the table is nearly sorted */
    for (;; i = (i + 1) & (s->n_slots - 1)) {
        uint64_t *at = s->table + i * s->words;
        if (is_zero(s, at) || memcmp(at, key, s->words * sizeof *key) == 0)
            return at;
    }
}

static void grow(struct seen *s)
{
    uint64_t *old = s->table;
    size_t n = s->n_slots;
    s->n_slots *= 2;
    s->shift--;
    s->table = xcalloc_huge(s->n_slots * s->words, sizeof *s->table);
    for (size_t i = 0; i < n; i++)
        if (!is_zero(s, old + i * s->words))
            memcpy(slot(s, old + i * s->words), old + i * s->words, s->words * sizeof *old);
    free_huge(old, n * s->words, sizeof *old);
}

/* Whether all bits of a key are set in the filter; set: sets them. */
static bool bloom(struct seen *s, const uint64_t *key, bool set)
{
    uint64_t h = mix64(key[0]), step = mix64(h) | 1;
    bool all = true;
    for (unsigned i = 0; i < BLOOM_PROBES; i++, h += step) {
        uint64_t bit = (uint64_t)((unsigned __int128)h * s->bloom_bits >> 64);
        uint8_t *byte = s->bloom + bit / 8, mask = (uint8_t)(1u << bit % 8);
        all &= (*byte & mask) != 0;
        if (set)
            *byte |= mask;
    }
    return all;
}

/* Moves all keys of the table to a file. */
static void spill(struct seen *s)
{
    size_t n = 0;
    if (!s->bloom)
        s->bloom = xcalloc_huge(s->bloom_bits / 8 + 1, 1);
    for (size_t i = 0; i < s->n_slots; i++) {
        uint64_t *key = s->table + i * s->words;
        if (is_zero(s, key))
            continue;
        bloom(s, key, true);
        memmove(s->table + n++ * s->words, key, s->words * sizeof *key);
    }
    s->spilled += n;
    s->files[s->n_files++] = sorted_write(s->table, n, s->words, s->dir);
    while (s->n_files > 1 &&
           (s->files[s->n_files - 2].n <= 2 * s->files[s->n_files - 1].n || s->n_files == MAX_FILES)) {
        s->n_files--;
        s->files[s->n_files - 1] = sorted_merge(&s->files[s->n_files - 1], &s->files[s->n_files], s->dir);
    }
    memset(s->table, 0, s->n_slots * s->words * sizeof *s->table);
    s->n = 0;
}

static bool in_files(struct seen *s, const uint64_t *key)
{
    if (s->n_files == 0 || !bloom(s, key, false))
        return false;
    for (size_t i = 0; i < s->n_files; i++)
        if (sorted_has(&s->files[i], key))
            return true;
    return false;
}

bool seen_add(struct seen *s, const uint64_t *key)
{
    if (is_zero(s, key)) {
        bool had = s->has_zero;
        s->has_zero = true;
        return had;
    }
    uint64_t *at = slot(s, key);
    if (!is_zero(s, at) || in_files(s, key))
        return true;
    memcpy(at, key, s->words * sizeof *key);
    if (++s->n < s->n_slots / 4 * 3)
        return false;
    if (s->n_slots < s->most_slots)
        grow(s);
    else
        spill(s);
    return false;
}

uint64_t seen_spilled(const struct seen *s)
{
    return s->spilled;
}

void seen_free(struct seen *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_files; i++)
        sorted_close(&s->files[i]);
    free_huge(s->table, s->n_slots * s->words, sizeof *s->table);
    free_huge(s->bloom, s->bloom_bits / 8 + 1, 1);
    free(s);
}
