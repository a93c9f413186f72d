/*
 * collective.c - what all ranks do together, made of messages between two
 */
#include "pipeline/cluster/cluster.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* A binomial tree: in round k the first 2^k ranks, counted from the root, each tell the one 2^k further. */
void cluster_broadcast(struct cluster *c, void *p, size_t n, int root)
{
    int me = (c->rank - root + c->size) % c->size;
    for (int reach = 1; reach < c->size; reach *= 2) {
        if (me < reach && me + reach < c->size)
            cluster_send(c, p, n, (c->rank + reach) % c->size);
        else if (me >= reach && me < 2 * reach)
            cluster_receive(c, p, n, (c->rank - reach + c->size) % c->size);
        cluster_wait(c);
    }
}

void cluster_gather_begin(struct cluster *c, void *p, const size_t *at)
{
    char *base = p;
    for (int i = 1; i < c->size; i++) {
        int to = (c->rank + i) % c->size, from = (c->rank - i + c->size) % c->size;
        cluster_receive(c, base + at[from], at[from + 1] - at[from], from);
        cluster_send(c, base + at[c->rank], at[c->rank + 1] - at[c->rank], to);
    }
}

void cluster_gather(struct cluster *c, void *p, const size_t *at)
{
    cluster_gather_begin(c, p, at);
    cluster_wait(c);
}

/* One element of `size` bytes of each rank, side by side. The caller frees it. */
static void *one_each(struct cluster *c, const void *mine, size_t size)
{
    size_t *at = xcalloc((size_t)c->size + 1, sizeof *at);
    char *all = xcalloc((size_t)c->size, size);
    for (int r = 0; r <= c->size; r++)
        at[r] = (size_t)r * size;
    memcpy(all + at[c->rank], mine, size);
    cluster_gather(c, all, at);
    free(at);
    return all;
}

bool cluster_has_twin(struct cluster *c, const void *p, size_t n)
{
    bool twin = false;
    char *all = one_each(c, p, n);
    for (int r = 0; r < c->size; r++)
        twin |= r != c->rank && memcmp(all + (size_t)r * n, p, n) == 0;
    free(all);
    return twin;
}

void cluster_max(struct cluster *c, int *x, int n)
{
    if (c->size == 1)
        return;
    int *all = one_each(c, x, (size_t)n * sizeof *x);
    for (int i = 0; i < c->size * n; i++)
        x[i % n] = all[i] > x[i % n] ? all[i] : x[i % n];
    free(all);
}

void cluster_same(struct cluster *c, const void *p, size_t n, const char *what)
{
    if (c->size == 1)
        return;
    uint64_t hash = XXH3_64bits(p, n), *all = one_each(c, &hash, sizeof hash);
    for (int r = 1; r < c->size; r++) {
        if (all[r] == all[0])
            continue;
        cluster_leave_to_first(c);
        die("%s: not the same on rank %d as on rank 0", what, r);
    }
    free(all);
}

void cluster_barrier(struct cluster *c)
{
    int nothing = 0;
    cluster_max(c, &nothing, 1);
}

void cluster_leave_to_first(struct cluster *c)
{
    char never;
    if (c->rank == 0)
        return;
    cluster_receive(c, &never, 1, 0);
    cluster_wait(c);
}
