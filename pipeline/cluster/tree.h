/*
 * tree.h - one fixed binary tree over the parts of an update, whichever rank holds them
 *
 * An update's rows are cut into `leaves` parts, a power of two. Their gradients are summed as the inner nodes
 * of a complete binary tree say: ((0+1)+(2+3))+((4+5)+(6+7)). Addition of floats is commutative but not
 * associative, so this alone fixes every bit of the sum; which rank adds what does not matter.
 *
 * A rank holds leaves that lie side by side. Sums are made on a stack: push nodes from left to right, and
 * while the two on top are siblings, add the right one to the left one:
 *
 *   tree_push(&t, leaf);
 *   while (tree_siblings(&t)) { add t.v[t.n-1].p to t.v[t.n-2].p; tree_join(&t); }
 *
 * Pure: pointers are carried, never followed.
 */
#ifndef CLUSTER_TREE_H
#define CLUSTER_TREE_H

#include <stdbool.h>
#include <stdint.h>

enum { TREE_LEAVES = 1 << 16, TREE_STACK = 40 }; /* at most; two nodes of each size, and some */

struct tree_node {
    uint32_t first, leaves; /* which it stands for; leaves is a power of two that divides first */
    float *p;               /* their sum */
};

struct tree {
    struct tree_node v[TREE_STACK];
    int n;
};

void tree_push(struct tree *t, struct tree_node node);
bool tree_siblings(const struct tree *t); /* the two on top are the children of one node */
void tree_join(struct tree *t);           /* they become that node, with the left one's p */

/* How many parts an update of so many rows has: a power of two, `most` (one as well) or less. */
uint32_t tree_leaves(uint32_t most, uint32_t rows);
/* The leaves [*first, *end) of a rank. */
void tree_share(uint32_t leaves, int rank, int size, uint32_t *first, uint32_t *end);
/* Returns the nodes left on the stack after pushing leaves first .. end-1: the fewest that these make. */
struct tree tree_of(uint32_t first, uint32_t end);
/* The most nodes that are on the stack while they are pushed. */
int tree_depth(uint32_t first, uint32_t end);

#endif
