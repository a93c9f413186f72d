/*
 * shard_cache.h - the blocks of a large source that were read last, in memory
 *
 * First in, first out. A block that must be read whole anyway, to verify it, always gets a place; one that
 * was verified before only when as much was read of the source as makes reading it whole pay, so that reads
 * from everywhere never cost more than they bring.
 *
 *   if (block_cache_worth(c, verified))
 *       p = block_cache_place(c, &slot), fill p, then slot points to it until the block is the oldest
 */
#ifndef FORMATS_SHARD_CACHE_H
#define FORMATS_SHARD_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Blocks of 1 MiB: of all sources of the process together, and of one of them. A chapter of a mix
 * (mix/order.h) touches about 50. More would be slower, for caches and for the first touch of memory. */
enum { BLOCK_CACHE_ALL = 320, BLOCK_CACHE_MAX = 64 };

struct block_cache {
    unsigned char *bytes; /* owned; all blocks, one after another, in huge pages if may be */
    const unsigned char **slots[BLOCK_CACHE_MAX]; /* of the first n blocks; NULL: holds nothing */
    size_t n, oldest;
    uint64_t read, paid; /* bytes: of the source; spent on reading blocks again */
};

void block_cache_open(struct block_cache *c); /* pairs with block_cache_close */
void block_cache_close(struct block_cache *c);
/* After n bytes were read. */
void block_cache_count(struct block_cache *c, size_t n);
bool block_cache_worth(struct block_cache *c, bool verified);
/* SHARD_BLOCK_BYTES to be filled, and *slot set to them; a former block's slot becomes NULL. NULL: out of
 * memory. */
unsigned char *block_cache_place(struct block_cache *c, const unsigned char **slot);
/* Of a block that could not be filled after all. */
void block_cache_forget(struct block_cache *c, const unsigned char **slot);

#endif
