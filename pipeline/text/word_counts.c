#include "pipeline/text/word_counts.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

enum { FIRST_SLOTS = 1 << 12, RARE = 1 << 12 /* counts told apart when the rarest are dropped */ };

void word_counts_init(struct word_counts *c, size_t budget)
{
    *c = (struct word_counts){.budget = budget, .n_slots = FIRST_SLOTS};
    c->slots = xcalloc(c->n_slots, sizeof *c->slots);
}

static void index_word(struct word_counts *c, size_t i)
{
    size_t s = c->words[i].hash & (c->n_slots - 1);
    while (c->slots[s])
        s = (s + 1) & (c->n_slots - 1);
    c->slots[s] = (uint32_t)i + 1;
}

static void index_words(struct word_counts *c)
{
    memset(c->slots, 0, c->n_slots * sizeof *c->slots);
    for (size_t i = 0; i < c->n; i++)
        index_word(c, i);
}

static void append(struct word_counts *c, const char *word, size_t len, uint32_t hash, uint64_t count)
{
    if (c->n == UINT32_MAX - 1)
        die("more than 4 billion different words");
    if (c->n == c->cap) {
        c->cap = c->cap * 2 + 1024;
        c->words = xrealloc(c->words, c->cap * sizeof *c->words);
    }
    if (c->bytes_cap - c->n_bytes < len) {
        c->bytes_cap = c->bytes_cap * 2 + 65536 + len;
        c->bytes = xrealloc(c->bytes, c->bytes_cap);
    }
    memcpy(c->bytes + c->n_bytes, word, len);
    c->words[c->n++] = (struct word){count, c->n_bytes, (uint32_t)len, hash};
    c->n_bytes += len;
    if (c->n * 2 <= c->n_slots) {
        index_word(c, c->n - 1);
        return;
    }
    c->n_slots *= 2;
    c->slots = xrealloc(c->slots, c->n_slots * sizeof *c->slots);
    index_words(c);
}

void word_counts_add(struct word_counts *c, const char *word, size_t len, uint64_t count)
{
    uint32_t hash = (uint32_t)XXH3_64bits(word, len);
    size_t s = hash & (c->n_slots - 1);
    for (; c->slots[s]; s = (s + 1) & (c->n_slots - 1)) {
        struct word *w = &c->words[c->slots[s] - 1];
        if (w->hash == hash && w->len == len && memcmp(c->bytes + w->at, word, len) == 0) {
            w->count += count;
            return;
        }
    }
    append(c, word, len, hash, count);
}

static size_t word_cost(const struct word *w)
{
    return sizeof *w + 2 * sizeof(uint32_t) + w->len;
}

/* The largest count of which all words must go, so that at most half of the budget is kept. */
static uint64_t rare_count(const struct word_counts *c)
{
    size_t *cost = xcalloc(RARE + 1, sizeof *cost);
    size_t kept = 0;
    for (size_t i = 0; i < c->n; i++)
        cost[c->words[i].count < RARE ? c->words[i].count : RARE] += word_cost(&c->words[i]);
    uint64_t count = RARE;
    for (; count > 1 && kept + cost[count] <= c->budget / 2; count--)
        kept += cost[count];
    free(cost);
    return count;
}

void word_counts_trim(struct word_counts *c)
{
    if (c->budget == 0 || c->n_bytes + c->n * (sizeof *c->words + 2 * sizeof *c->slots) <= c->budget)
        return;
    uint64_t rare = rare_count(c);
    size_t n = 0, at = 0;
    for (size_t i = 0; i < c->n; i++) {
        struct word w = c->words[i];
        if (w.count <= rare) {
            c->forgotten += w.count;
            continue;
        }
        memmove(c->bytes + at, c->bytes + w.at, w.len);
        w.at = at;
        at += w.len;
        c->words[n++] = w;
    }
    c->n = n;
    c->n_bytes = at;
    index_words(c);
}

void word_counts_reset(struct word_counts *c)
{
    c->n = c->n_bytes = 0;
    memset(c->slots, 0, c->n_slots * sizeof *c->slots);
}

void word_counts_free(struct word_counts *c)
{
    free(c->words);
    free(c->bytes);
    free(c->slots);
    *c = (struct word_counts){0};
}
