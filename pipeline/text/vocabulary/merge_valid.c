/*
 * merge_valid.c - decides, without merging, which tokens the merges make
 *
 * The merges of a text run in order of rank. As long as nothing merges across a position, both sides merge as
 * if they were alone. Consider two neighbouring tokens, each of which is whole: the merges make it of its own
 * bytes. They stay apart unless, at some time while they are being made, a last part x of the left token and
 * a first part y of the right token exist together and merge. merges_keep_apart visits all such x and y in
 * reverse: it undoes the later of the merges that made x and y, over and over, and compares the rank of the
 * pair (x, y) with the time at which both exist. (The bpe crate of GitHub's rust-gems uses this for
 * tiktoken's ranks.)
 *
 * A file may have several merges that result in a token; only one of them makes it of its bytes, and the
 * others never happen. But if a merge can happen and ranks before the merge that makes one of its parts, the
 * merges are out of order and the argument fails.
 */
#include "pipeline/text/vocabulary/vocabulary.h"

#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/fs.h"

bool merges_keep_apart(const struct tokenizer *t, uint32_t left, uint32_t right, uint32_t limit)
{
    struct made l = t->made[left], r = t->made[right];
    for (;;) {
        if (merge_rank(t, left, right) < limit)
            return false;
        if (l.by > r.by) {
            limit = (uint32_t)l.by - 1; /* among equal pairs the left one merges first: */
            left = (uint32_t)l.right;
            l = t->made[left];
        } else if (r.by > 0) {
            limit = (uint32_t)r.by; /* here the left one is the pair across */
            right = (uint32_t)r.left;
            r = t->made[right];
        } else {
            return true;
        }
    }
}

/* Whether a merge can happen: its two tokens can come to stand side by side before another merge takes one of
 * them away. */
static bool happens(const struct tokenizer *t, uint32_t rank)
{
    const struct merge *m = &t->merges[rank];
    return t->extents[m->left].len && t->extents[m->right].len &&
           merges_keep_apart(t, m->left, m->right, rank);
}

/* Finds the merges that can happen, and so the tokens that are whole. False: a merge is out of order, or a
 * token is made twice. */
static bool find_made(struct tokenizer *t)
{
    for (int b = 0; b < 256; b++)
        if (t->byte_id[b] != UINT32_MAX)
            t->extents[t->byte_id[b]].len = 1;
    for (uint32_t rank = 0; rank < t->n_merges; rank++) {
        const struct merge *m = &t->merges[rank];
        if (!happens(t, rank))
            continue;
        if (t->extents[m->id].len)
            return false;
        t->extents[m->id].len = t->tokens[m->id].len;
        t->made[m->id] = (struct made){.left = m->left, .right = m->right, .by = rank + 1};
    }
    for (uint32_t rank = 0; rank < t->n_merges; rank++) {
        const struct merge *m = &t->merges[rank];
        if ((t->made[m->left].by > rank || t->made[m->right].by > rank) && happens(t, rank))
            return false;
    }
    return true;
}

void merges_prepare(struct tokenizer *t)
{
    t->made = xcalloc(t->vocab_size, sizeof *t->made);
    t->extents = xcalloc(t->vocab_size, sizeof *t->extents);
    t->in_order = find_made(t);
    if (!t->in_order) {
        memset(t->made, 0, t->vocab_size * sizeof *t->made);
        memset(t->extents, 0, t->vocab_size * sizeof *t->extents);
        return;
    }
    size_t n = 0;
    struct trie_string *whole = xmalloc(t->vocab_size * sizeof *whole);
    for (uint32_t id = 0; id < t->vocab_size; id++)
        if (t->extents[id].len)
            whole[n++] = trie_string(token_bytes(t, id), t->extents[id].len, id + 1);
    uint32_t *shorter = xcalloc((size_t)t->vocab_size + 1, sizeof *shorter);
    trie_build(&t->trie, whole, n, shorter);
    for (uint32_t id = 0; id < t->vocab_size; id++)
        if (t->extents[id].len > 1)
            t->extents[id].shorter = shorter[id + 1] - 1;
    free(shorter);
    free(whole);
}
