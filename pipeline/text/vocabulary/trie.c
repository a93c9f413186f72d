/*
 * trie.c - fills the double array level by level: a node's children are put into the first block that has
 * room
 */
#include "pipeline/text/vocabulary/trie.h"

#include <assert.h>
#include <endian.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/fs.h"

enum {
    BLOCK = 256, /* units; all children of a node are in one block */
    TRIES =
        1, /* failed attempts after which the first block counts as full: 64 would save 3 % of the units */
};

struct node { /* strings[from..to) continue below this node */
    uint32_t unit;
    uint32_t from, to, depth;
    uint32_t above; /* value of the longest string that ends at this node or above; 0: none */
};

struct block {
    uint64_t used[4], based[4]; /* bit masks: units that are taken; bases that are taken */
    size_t n_used;
};

struct builder {
    struct trie *t;
    const struct trie_string *strings; /* ascending by their bytes */
    uint32_t *shorter;
    struct block *blocks;
    size_t n_blocks, cap_blocks, first; /* blocks before `first` count as full */
    struct node *queue;
    size_t head, tail, cap;
};

static void set_bit(uint64_t *bits, unsigned i)
{
    bits[i / 64] |= (uint64_t)1 << i % 64;
}

static void add_block(struct builder *b)
{
    if (b->n_blocks == b->cap_blocks) {
        b->cap_blocks = b->cap_blocks * 2 + 64;
        b->blocks = xrealloc(b->blocks, b->cap_blocks * sizeof *b->blocks);
        b->t->units = xrealloc(b->t->units, b->cap_blocks * BLOCK * sizeof *b->t->units);
    }
    memset(b->t->units + b->n_blocks * BLOCK, 0, BLOCK * sizeof *b->t->units);
    b->blocks[b->n_blocks++] = (struct block){0};
}

/* Returns a word whose bit i is bit i ^ k of w. It has no branches, which nobody could predict. */
static uint64_t exchange(uint64_t w, unsigned k)
{
    static const uint64_t low[6] = {0x5555555555555555u, 0x3333333333333333u, 0x0f0f0f0f0f0f0f0fu,
                                    0x00ff00ff00ff00ffu, 0x0000ffff0000ffffu, 0x00000000ffffffffu};
#pragma GCC unroll 6
    for (unsigned i = 0; i < 6; i++) {
        uint64_t swapped = (w & low[i]) << (1 << i) | (w >> (1 << i) & low[i]);
        w ^= (w ^ swapped) & -(uint64_t)(k >> i & 1);
    }
    return w;
}

/* Returns a base of this block from which all these bytes find a free unit; -1: none. */
static int base_in(const struct block *block, const unsigned char *bytes, size_t n)
{
    if (block->n_used + n > BLOCK)
        return -1;
    for (unsigned q = 0; q < 4; q++) {
        uint64_t bases = ~block->based[q];
        for (size_t i = 0; i < n && bases; i++)
            bases &= exchange(~block->used[q ^ bytes[i] >> 6], bytes[i] & 63);
        if (bases)
            return (int)(64 * q) + __builtin_ctzll(bases);
    }
    return -1;
}

static uint32_t find_base(struct builder *b, const unsigned char *bytes, size_t n)
{
    for (size_t k = b->first;; k++) {
        if (k == b->n_blocks)
            add_block(b);
        int base = base_in(&b->blocks[k], bytes, n);
        if (base >= 0) {
            set_bit(b->blocks[k].based, (unsigned)base);
            b->blocks[k].n_used += n;
            for (size_t i = 0; i < n; i++)
                set_bit(b->blocks[k].used, (unsigned)base ^ bytes[i]);
            return (uint32_t)(k * BLOCK + (size_t)base);
        }
        if (k - b->first > TRIES)
            b->first++;
    }
}

static void push(struct builder *b, struct node node)
{
    if (b->tail == b->cap) {
        b->cap = b->cap * 2 + 1024;
        b->queue = xrealloc(b->queue, b->cap * sizeof *b->queue);
    }
    b->queue[b->tail++] = node;
}

static unsigned char byte_at(const struct trie_string *e, uint32_t depth)
{
    return depth < 8 ? (unsigned char)(e->head >> (56 - 8 * depth)) : (unsigned char)e->bytes[depth];
}

/* Finds the children of a node, and their place. */
static void add_children(struct builder *b, struct node node)
{
    unsigned char bytes[256];
    uint32_t starts[257], n = 0;
    for (uint32_t i = node.from; i < node.to; i++) {
        unsigned char byte = byte_at(&b->strings[i], node.depth);
        if (n == 0 || bytes[n - 1] != byte)
            bytes[n] = byte, starts[n++] = i;
    }
    if (n == 0)
        return;
    starts[n] = node.to;
    uint32_t base = find_base(b, bytes, n);
    assert(node.unit < b->n_blocks * BLOCK);
    b->t->units[node.unit] |= (uint64_t)base << 32;
    for (uint32_t i = 0; i < n; i++) {
        const struct trie_string *first = &b->strings[starts[i]];
        bool ends = first->len == node.depth + 1; /* strings that end at this node are the shortest with this
                                                     beginning, so they come first */
        uint32_t unit = base ^ bytes[i], value = ends ? first->value : 0;
        b->t->units[unit] = (uint64_t)value << 9 | 0x100 | bytes[i];
        if (ends)
            b->shorter[value] = node.above;
        if (starts[i] + ends < starts[i + 1])
            push(b, (struct node){unit, starts[i] + ends, starts[i + 1], node.depth + 1,
                                  ends ? value : node.above});
    }
}

static int by_bytes(const void *a, const void *b)
{
    const struct trie_string *x = a, *y = b;
    int order = memcmp(x->bytes, y->bytes, x->len < y->len ? x->len : y->len);
    return order ? order : x->len < y->len ? -1 : x->len > y->len;
}

/* Sorts by the first eight bytes, from the last of them to the first. */
static void sort_by_head(struct trie_string *strings, struct trie_string *spare, size_t n)
{
    for (unsigned shift = 0; shift < 64; shift += 8) {
        size_t at[257] = {0};
        for (size_t i = 0; i < n; i++)
            at[(strings[i].head >> shift & 0xff) + 1]++;
        for (unsigned b = 0; b < 256; b++)
            at[b + 1] += at[b];
        for (size_t i = 0; i < n; i++)
            spare[at[strings[i].head >> shift & 0xff]++] = strings[i];
        struct trie_string *sorted = spare;
        spare = strings, strings = sorted;
    }
}

static void sort(struct trie_string *strings, size_t n)
{
    struct trie_string *spare = xmalloc((n + 1) * sizeof *spare);
    sort_by_head(strings, spare, n);
    free(spare);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && strings[end].head == strings[i].head; end++)
            ;
        if (end - i > 1)
            qsort(strings + i, end - i, sizeof *strings, by_bytes);
    }
}

struct trie_string trie_string(const char *bytes, size_t len, uint32_t value)
{
    uint64_t head = 0;
    memcpy(&head, bytes, len < sizeof head ? len : sizeof head);
    return (struct trie_string){be64toh(head), bytes, (uint32_t)len, value};
}

void trie_build(struct trie *t, struct trie_string *strings, size_t n, uint32_t *shorter)
{
    struct builder b = {.t = t, .strings = strings, .shorter = shorter, .first = 1};
    sort(strings, n);
    t->units = NULL;
    add_block(&b);
    push(&b, (struct node){.to = (uint32_t)n});
    while (b.head < b.tail)
        add_children(&b, b.queue[b.head++]);
    t->n_units = (uint32_t)(b.n_blocks * BLOCK);
    free(b.blocks);
    free(b.queue);
}

void trie_free(struct trie *t)
{
    free(t->units);
}
