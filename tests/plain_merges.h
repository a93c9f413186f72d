/*
 * plain_merges.h - byte-level BPE by its definition: the pair of lowest rank is merged, the leftmost first,
 * until there is none
 */
#ifndef TESTS_PLAIN_MERGES_H
#define TESTS_PLAIN_MERGES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "pipeline/text/vocabulary/vocabulary.h"

/* ids[n]: of single bytes, replaced by the merged ones; returns how many are left. */
static inline size_t plain_merges(const struct tokenizer *t, uint32_t *ids, size_t n)
{
    for (;;) {
        uint32_t best = UINT32_MAX;
        size_t at = 0;
        for (size_t i = 0; i + 1 < n; i++)
            for (uint32_t r = 0; r < t->n_merges && r < best; r++)
                if (t->merges[r].left == ids[i] && t->merges[r].right == ids[i + 1])
                    best = r, at = i;
        if (best == UINT32_MAX)
            return n;
        ids[at] = t->merges[best].id;
        memmove(ids + at + 1, ids + at + 2, (n - at - 2) * sizeof *ids);
        n--;
    }
}

#endif
