#include "formats/shard_cache.h"

#include <stdlib.h>

#include "formats/shard.h"

/* A block read whole costs 0.1 to 0.2 ms, 512 bytes read by themselves 1 us: 512 KiB read are about 1 ms. */
enum { PRICE = SHARD_BLOCK_BYTES / 2 };

static unsigned n_caches;           /* of the process; atomic */

void block_cache_open(struct block_cache *c)
{
    (void)c;
    __atomic_add_fetch(&n_caches, 1, __ATOMIC_RELAXED);
}

void block_cache_close(struct block_cache *c)
{
    for (size_t i = 0; i < c->n; i++)
        free(c->v[i].bytes);
    c->n = 0;
    __atomic_sub_fetch(&n_caches, 1, __ATOMIC_RELAXED);
}

void block_cache_count(struct block_cache *c, size_t n)
{
    uint64_t most = (uint64_t)BLOCK_CACHE_MAX * PRICE;
    c->read += n;
    if (c->read - c->paid > most)
        c->paid = c->read - most;
}

bool block_cache_worth(struct block_cache *c, bool verified)
{
    if (verified && c->read - c->paid < PRICE)
        return false;
    c->paid += verified ? PRICE : 0;
    return true;
}

static size_t most_blocks(void)
{
    size_t share = BLOCK_CACHE_ALL / __atomic_load_n(&n_caches, __ATOMIC_RELAXED);
    return share > BLOCK_CACHE_MAX ? BLOCK_CACHE_MAX : share > 0 ? share : 1;
}

unsigned char *block_cache_place(struct block_cache *c, const unsigned char **slot)
{
    struct cached_block *b = &c->v[c->n];
    if (c->n < most_blocks()) {
        b->bytes = malloc(SHARD_BLOCK_BYTES);
        if (!b->bytes)
            return NULL;
        c->n++;
    } else {
        b = &c->v[c->oldest];
        c->oldest = (c->oldest + 1) % c->n;
        if (b->slot)
            *b->slot = NULL;
    }
    b->slot = slot;
    *slot = b->bytes;
    return b->bytes;
}

void block_cache_forget(struct block_cache *c, const unsigned char **slot)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].slot == slot)
            c->v[i].slot = NULL;
    *slot = NULL;
}
