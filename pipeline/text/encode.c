/*
 * encode.c - text to ids: pieces, a cache of short ones, merges
 *
 * In each piece the pair of lowest rank merges first, of equals the leftmost. Short
 * pieces look at all their pairs each time; long ones (runs of one
 * character, unbroken scripts) keep the pairs in a heap, O(n log n).
 */
#include "pipeline/text/vocabulary.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "pipeline/lib/fs.h"
#include "pipeline/text/pretokenizer.h"

enum {
    SHORT_PIECE = 64,                   /* bytes; measured: the heap wins from about 100 on */
    MAX_PIECE = 1 << 30,                /* bytes: nodes are numbered with 31 bits */
    CACHE_SLOTS = 1 << 15,              /* 2 MiB */
    CACHE_KEY = 31,
    CACHE_IDS = 7,
    NONE = -1,
};

struct cache_slot {                     /* one cache line; len 0: empty */
    unsigned char len;
    char key[CACHE_KEY];
    uint32_t n;
    uint32_t ids[CACHE_IDS];
};
_Static_assert(sizeof(struct cache_slot) == 64, "a cache slot is a cache line");

struct node {                           /* a symbol of a long piece; rank of its pair with the next, UINT32_MAX: none */
    uint32_t id, rank;
    int32_t prev, next;
};

struct candidate {
    uint32_t rank;
    int32_t at;
};

struct encoder {
    const struct tokenizer *t;
    struct pretokenizer *pretokenizer;
    struct cache_slot *cache;
    uint32_t *ids;
    size_t n, cap;
    struct node *nodes;                 /* scratch of long pieces */
    size_t nodes_cap;
    struct candidate *heap;
    size_t heap_n, heap_cap;
};

struct encoder *encoder_new(const struct tokenizer *t)
{
    struct encoder *e = xcalloc(1, sizeof *e);
    e->t = t;
    e->pretokenizer = pretokenizer_new();
    e->cache = xcalloc(CACHE_SLOTS, sizeof *e->cache);
    return e;
}

void encoder_free(struct encoder *e)
{
    if (!e)
        return;
    pretokenizer_free(e->pretokenizer);
    free(e->cache);
    free(e->ids);
    free(e->nodes);
    free(e->heap);
    free(e);
}

static uint32_t pair_rank(const struct tokenizer *t, uint32_t left, uint32_t right, uint32_t *id)
{
    const struct merge_slot *slot = merge_find(t, left, right);
    if (!slot)
        return UINT32_MAX;
    *id = slot->id;
    return slot->rank;
}

/* ids: the bytes' ids, merged in place. Returns how many are left. */
static size_t merge_short(const struct tokenizer *t, uint32_t *ids, size_t n)
{
    uint32_t ranks[SHORT_PIECE], made[SHORT_PIECE];     /* of the pair (i, i + 1) */
    for (size_t i = 0; i + 1 < n; i++)
        ranks[i] = pair_rank(t, ids[i], ids[i + 1], &made[i]);
    while (n > 1) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < n; i++)
            best = ranks[i] < ranks[best] ? i : best;
        if (ranks[best] == UINT32_MAX)
            break;
        ids[best] = made[best];
        n--;
        for (size_t i = best + 1; i < n; i++) {
            ids[i] = ids[i + 1];
            ranks[i] = ranks[i + 1];    /* that of the last is not used */
            made[i] = made[i + 1];
        }
        if (best + 1 < n)
            ranks[best] = pair_rank(t, ids[best], ids[best + 1], &made[best]);
        if (best > 0)
            ranks[best - 1] = pair_rank(t, ids[best - 1], ids[best], &made[best - 1]);
    }
    return n;
}

static bool before(struct candidate a, struct candidate b)
{
    return a.rank != b.rank ? a.rank < b.rank : a.at < b.at;
}

static void heap_push(struct encoder *e, struct candidate c)
{
    if (e->heap_n == e->heap_cap) {
        e->heap_cap = e->heap_cap * 2 + 256;
        e->heap = xrealloc(e->heap, e->heap_cap * sizeof *e->heap);
    }
    size_t i = e->heap_n++;
    for (; i > 0 && before(c, e->heap[(i - 1) / 2]); i = (i - 1) / 2)
        e->heap[i] = e->heap[(i - 1) / 2];
    e->heap[i] = c;
}

static struct candidate heap_pop(struct encoder *e)
{
    struct candidate top = e->heap[0], last = e->heap[--e->heap_n];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= e->heap_n)
            break;
        if (child + 1 < e->heap_n && before(e->heap[child + 1], e->heap[child]))
            child++;
        if (!before(e->heap[child], last))
            break;
        e->heap[i] = e->heap[child];
        i = child;
    }
    e->heap[i] = last;
    return top;
}

/* The pair of node i with its next was made or changed. */
static void rank_pair(struct encoder *e, int32_t i)
{
    struct node *node = &e->nodes[i];
    uint32_t id;
    node->rank = node->next == NONE ? UINT32_MAX : pair_rank(e->t, node->id, e->nodes[node->next].id, &id);
    if (node->rank != UINT32_MAX)
        heap_push(e, (struct candidate){node->rank, i});
}

/* A candidate is out of date when its node's pair has another rank by now; ranks name pairs, so the same rank is the same pair. */
static size_t merge_long(struct encoder *e, uint32_t *ids, size_t n)
{
    if (n > e->nodes_cap)
        e->nodes = xrealloc(e->nodes, (e->nodes_cap = n) * sizeof *e->nodes);
    for (size_t i = 0; i < n; i++)
        e->nodes[i] = (struct node){ids[i], UINT32_MAX, (int32_t)i - 1, i + 1 < n ? (int32_t)i + 1 : NONE};
    e->heap_n = 0;
    for (size_t i = 0; i < n; i++)
        rank_pair(e, (int32_t)i);
    while (e->heap_n > 0) {
        struct candidate c = heap_pop(e);
        struct node *node = &e->nodes[c.at];
        if (node->rank != c.rank)
            continue;
        struct node *gone = &e->nodes[node->next];
        node->id = e->t->merges[c.rank].id;
        node->next = gone->next;
        gone->rank = UINT32_MAX;
        if (node->next != NONE)
            e->nodes[node->next].prev = c.at;
        rank_pair(e, c.at);
        if (node->prev != NONE)
            rank_pair(e, node->prev);
    }
    size_t left = 0;
    for (int32_t i = 0; i != NONE; i = e->nodes[i].next)
        ids[left++] = e->nodes[i].id;
    return left;
}

static void encode_piece(struct encoder *e, const char *piece, size_t len)
{
    uint32_t *ids = e->ids + e->n;
    if (len == 1) {
        ids[0] = e->t->byte_id[(unsigned char)piece[0]];
        e->n++;
        return;
    }
    struct cache_slot *slot = NULL;
    if (len <= CACHE_KEY) {
        slot = &e->cache[XXH3_64bits(piece, len) % CACHE_SLOTS];
        if (slot->len == len && memcmp(slot->key, piece, len) == 0) {
            memcpy(ids, slot->ids, slot->n * sizeof *ids);
            e->n += slot->n;
            return;
        }
    }
    for (size_t i = 0; i < len; i++)
        ids[i] = e->t->byte_id[(unsigned char)piece[i]];
    size_t n = len <= SHORT_PIECE ? merge_short(e->t, ids, len) : merge_long(e, ids, len);
    e->n += n;
    if (slot && n <= CACHE_IDS) {
        slot->len = (unsigned char)len;
        memcpy(slot->key, piece, len);
        slot->n = (uint32_t)n;
        memcpy(slot->ids, ids, n * sizeof *ids);
    }
}

static void reserve(struct encoder *e, size_t more)
{
    if (e->cap - e->n >= more)
        return;
    e->cap = (e->n + more) + e->cap / 2;
    e->ids = xrealloc(e->ids, e->cap * sizeof *e->ids);
}

static void encode_text(struct encoder *e, const char *text, size_t len)
{
    const char *piece;
    size_t n;
    pretokenizer_begin(e->pretokenizer, text, len);
    while ((n = pretokenizer_next(e->pretokenizer, &piece)) > 0) {
        reserve(e, n);
        for (; n > MAX_PIECE; n -= MAX_PIECE, piece += MAX_PIECE)
            encode_piece(e, piece, MAX_PIECE);
        encode_piece(e, piece, n);
    }
}

/* The longest added token that stands at s; UINT32_MAX: none. */
static uint32_t added_at(const struct tokenizer *t, const char *s, size_t len)
{
    unsigned char first = (unsigned char)s[0];
    for (uint32_t i = t->added_from[first]; i < t->added_from[first + 1]; i++) {
        const struct token *token = &t->tokens[t->added[i]];
        if (token->len <= len && memcmp(token_bytes(t, t->added[i]), s, token->len) == 0)
            return t->added[i];
    }
    return UINT32_MAX;
}

const uint32_t *encode(struct encoder *e, const char *text, size_t len, bool parse_special, size_t *n)
{
    e->n = 0;
    reserve(e, 1);
    size_t from = 0;
    for (size_t i = 0; parse_special && i < len;) {
        uint32_t id = added_at(e->t, text + i, len - i);
        if (id == UINT32_MAX) {
            i++;
            continue;
        }
        encode_text(e, text + from, i - from);
        reserve(e, 1);
        e->ids[e->n++] = id;
        from = i += e->t->tokens[id].len;
    }
    encode_text(e, text + from, len - from);
    *n = e->n;
    return e->ids;
}
