#include "pipeline/cluster/tree.h"

#include <assert.h>
#include <stddef.h>

void tree_push(struct tree *t, struct tree_node node)
{
    assert(t->n < TREE_STACK);
    t->v[t->n++] = node;
}

bool tree_siblings(const struct tree *t)
{
    if (t->n < 2)
        return false;
    const struct tree_node *left = &t->v[t->n - 2], *right = &t->v[t->n - 1];
    return left->leaves == right->leaves && left->first % (2 * left->leaves) == 0 &&
           right->first == left->first + left->leaves;
}

void tree_join(struct tree *t)
{
    t->n--;
    t->v[t->n - 1].leaves *= 2;
}

uint32_t tree_leaves(uint32_t most, uint32_t rows)
{
    uint32_t leaves = 1;
    while (leaves * 2 <= most && leaves * 2 <= rows)
        leaves *= 2;
    return leaves;
}

void tree_share(uint32_t leaves, int rank, int size, uint32_t *first, uint32_t *end)
{
    *first = (uint32_t)((uint64_t)leaves * (uint64_t)rank / (uint64_t)size);
    *end = (uint32_t)((uint64_t)leaves * ((uint64_t)rank + 1) / (uint64_t)size);
}

static struct tree push_all(uint32_t first, uint32_t end, int *deepest)
{
    struct tree t = {.n = 0};
    *deepest = 0;
    for (uint32_t i = first; i < end; i++) {
        tree_push(&t, (struct tree_node){.first = i, .leaves = 1});
        *deepest = t.n > *deepest ? t.n : *deepest;
        while (tree_siblings(&t))
            tree_join(&t);
    }
    return t;
}

struct tree tree_of(uint32_t first, uint32_t end)
{
    int deepest;
    return push_all(first, end, &deepest);
}

int tree_depth(uint32_t first, uint32_t end)
{
    int deepest;
    push_all(first, end, &deepest);
    return deepest;
}
