/*
 * merge.c - applies the merges to one piece, starting from its bytes
 *
 * The pair of lowest rank in a piece merges first and, among equal pairs, the leftmost. For nearly all
 * tokenizers a piece can be encoded by matching tokens instead, with the same result (merge_match.c). For a
 * tokenizer that is not in_order the pairs are kept in a heap, which takes O(n log n).
 */
#include "pipeline/text/encode/merge.h"

#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/fs.h"

enum { NONE = -1 };

struct node { /* a symbol; rank: of its pair with the next one, UINT32_MAX: the pair does not merge */
    uint32_t id, rank;
    int32_t prev, next;
};

struct candidate {
    uint32_t rank;
    int32_t at;
};

struct merger {
    const struct tokenizer *t;
    struct node *nodes; /* nodes and heap: scratch of merge_by_heap */
    size_t nodes_cap;
    struct candidate *heap;
    size_t heap_n, heap_cap;
    uint64_t *dead; /* scratch of merge_match */
    size_t dead_cap;
};

struct merger *merger_new(const struct tokenizer *t)
{
    struct merger *m = xcalloc(1, sizeof *m);
    m->t = t;
    return m;
}

void merger_free(struct merger *m)
{
    if (!m)
        return;
    free(m->nodes);
    free(m->heap);
    free(m->dead);
    free(m);
}

static bool before(struct candidate a, struct candidate b)
{
    return a.rank != b.rank ? a.rank < b.rank : a.at < b.at;
}

static void heap_push(struct merger *m, struct candidate c)
{
    if (m->heap_n == m->heap_cap) {
        m->heap_cap = m->heap_cap * 2 + 256;
        m->heap = xrealloc(m->heap, m->heap_cap * sizeof *m->heap);
    }
    size_t i = m->heap_n++;
    for (; i > 0 && before(c, m->heap[(i - 1) / 2]); i = (i - 1) / 2)
        m->heap[i] = m->heap[(i - 1) / 2];
    m->heap[i] = c;
}

static struct candidate heap_pop(struct merger *m)
{
    struct candidate top = m->heap[0], last = m->heap[--m->heap_n];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= m->heap_n)
            break;
        if (child + 1 < m->heap_n && before(m->heap[child + 1], m->heap[child]))
            child++;
        if (!before(m->heap[child], last))
            break;
        m->heap[i] = m->heap[child];
        i = child;
    }
    m->heap[i] = last;
    return top;
}

/* Updates the rank of the pair of node i with its next node, after either has changed. */
static void rank_pair(struct merger *m, int32_t i)
{
    struct node *node = &m->nodes[i];
    node->rank = node->next == NONE ? UINT32_MAX : merge_rank(m->t, node->id, m->nodes[node->next].id);
    if (node->rank != UINT32_MAX)
        heap_push(m, (struct candidate){node->rank, i});
}

static void set_node(struct merger *m, size_t i, size_t n, uint32_t id)
{
    m->nodes[i] = (struct node){id, UINT32_MAX, (int32_t)i - 1, i + 1 < n ? (int32_t)i + 1 : NONE};
}

static void reserve_nodes(struct merger *m, size_t n)
{
    if (n > m->nodes_cap)
        m->nodes = xrealloc(m->nodes, (m->nodes_cap = n) * sizeof *m->nodes);
}

/* A candidate is out of date when its node's pair now has another rank; ranks identify pairs, so an equal
 * rank means the same pair. */
static size_t merge_nodes(struct merger *m, size_t n, uint32_t *ids)
{
    m->heap_n = 0;
    for (size_t i = 0; i < n; i++)
        rank_pair(m, (int32_t)i);
    while (m->heap_n > 0) {
        struct candidate c = heap_pop(m);
        struct node *node = &m->nodes[c.at];
        if (node->rank != c.rank)
            continue;
        struct node *gone = &m->nodes[node->next];
        node->id = m->t->merges[c.rank].id;
        node->next = gone->next;
        gone->rank = UINT32_MAX;
        if (node->next != NONE)
            m->nodes[node->next].prev = c.at;
        rank_pair(m, c.at);
        if (node->prev != NONE)
            rank_pair(m, node->prev);
    }
    size_t left = 0;
    for (int32_t i = 0; i != NONE; i = m->nodes[i].next)
        ids[left++] = m->nodes[i].id;
    return left;
}

static size_t merge_by_heap(struct merger *m, const unsigned char *bytes, size_t n, uint32_t *ids)
{
    reserve_nodes(m, n);
    for (size_t i = 0; i < n; i++)
        set_node(m, i, n, m->t->byte_id[bytes[i]]);
    return merge_nodes(m, n, ids);
}

size_t merge_symbols(struct merger *m, const uint32_t *symbols, size_t n, uint32_t *ids)
{
    reserve_nodes(m, n);
    for (size_t i = 0; i < n; i++)
        set_node(m, i, n, symbols[i]);
    return merge_nodes(m, n, ids);
}

size_t merge_piece(struct merger *m, const char *piece, size_t len, uint32_t *ids)
{
    const unsigned char *bytes = (const unsigned char *)piece;
    if (!m->t->in_order)
        return merge_by_heap(m, bytes, len, ids);
    if (len / 64 + 1 > m->dead_cap)
        m->dead = xrealloc(m->dead, (m->dead_cap = len / 64 + 64) * sizeof *m->dead);
    return merge_match(m->t, bytes, len, m->dead, ids);
}
