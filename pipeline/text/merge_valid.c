/*
 * merge_valid.c - which tokens the merges make, without merging
 *
 * The merges of a text run in order of rank. While nothing merges across a
 * place in it, both sides merge as if they were alone. So two tokens that each
 * are made of their own bytes stay apart unless some last part x of the left one
 * and some first part y of the right one are there at the same time and merge
 * then. Undoing the later of the two merges, over and over, visits
 * all such x and y; the rank of the pair decides. (The bpe crate of GitHub's
 * rust-gems uses this for tiktoken's ranks; the argument holds for any list of merges where one_way is true.)
 */
#include "pipeline/text/vocabulary.h"

#include <stdlib.h>

#include "pipeline/lib/fs.h"

/* Whether they are apart up to the merge of rank `limit`. */
static bool apart_until(const struct tokenizer *t, uint32_t left, uint32_t right, uint32_t limit)
{
    for (;;) {
        if (merge_rank(t, left, right) < limit)
            return false;
        uint32_t made_left = t->made_by[left], made_right = t->made_by[right];
        if (made_left > made_right) {
            limit = made_left - 1;      /* of equal pairs the left one merges first: */
            left = t->merges[made_left - 1].right;
        } else if (made_right > 0) {
            limit = made_right;         /* here that is the one across */
            right = t->merges[made_right - 1].left;
        } else {
            return true;
        }
    }
}

bool merges_keep_apart(const struct tokenizer *t, uint32_t left, uint32_t right)
{
    return apart_until(t, left, right, UINT32_MAX);
}

/* Fills made_by. False: a token is made in two ways, or of parts that are made later. */
static bool find_made_by(struct tokenizer *t)
{
    for (uint32_t rank = 0; rank < t->n_merges; rank++) {
        const struct merge *m = &t->merges[rank];
        if (t->made_by[m->id] != 0 || t->tokens[m->id].len < 2 || t->made_by[m->left] > rank || t->made_by[m->right] > rank ||
            (t->made_by[m->left] == 0 && t->tokens[m->left].len > 1) ||
            (t->made_by[m->right] == 0 && t->tokens[m->right].len > 1))
            return false;
        t->made_by[m->id] = rank + 1;
    }
    return true;
}

void merges_prepare(struct tokenizer *t)
{
    t->byte_ranks = xmalloc(65536 * sizeof *t->byte_ranks);
    for (int i = 0; i < 65536; i++)
        t->byte_ranks[i] = merge_rank(t, t->byte_id[i >> 8], t->byte_id[i & 0xff]);
    t->made_by = xcalloc(t->vocab_size, sizeof *t->made_by);
    t->one_way = find_made_by(t);
    for (int b = 0; b < 256; b++)
        t->tokens[t->byte_id[b]].whole = true;
    for (uint32_t rank = 0; t->one_way && rank < t->n_merges; rank++) {
        const struct merge *m = &t->merges[rank];
        if (!t->tokens[m->left].whole || !t->tokens[m->right].whole)
            continue;
        /* Its own merge is the pair itself: what is asked is whether one of a lower rank comes between. */
        t->tokens[m->id].whole = apart_until(t, m->left, m->right, rank);
    }
}
