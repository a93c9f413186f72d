/*
 * shard_cache.h - keeps the most recently read blocks of a large source in memory
 *
 * First in, first out. A block that must be read whole anyway, to verify it, always gets a place; a block
 * that was verified before gets one only once enough bytes of the source have been read singly to pay for
 * reading it whole, so that random reads never cost more than they save.
 *
 *   if (block_cache_worth(c, verified))
 *       p = block_cache_place(c, &slot), fill p, then slot points to it until the block is the oldest
 */
#ifndef FORMATS_SHARD_CACHE_H
#define FORMATS_SHARD_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Limits in blocks of 1 MiB: for all sources of the process together, and for one source. A chapter of a mix
 * (mix/order.h) touches about 50. More would be slower, because of the processor's caches and of the first
 * touch of memory. */
enum { BLOCK_CACHE_ALL = 320, BLOCK_CACHE_MAX = 64 };

struct block_cache {
    unsigned char *bytes; /* owned; all blocks, one after another, in huge pages if possible */
    const unsigned char **slots[BLOCK_CACHE_MAX]; /* for each of the first n blocks, the pointer that refers
                                                     to it; NULL: the block is empty */
    size_t n, oldest;
    uint64_t read, paid; /* bytes read from the source; bytes spent on reading blocks again */
};

void block_cache_open(struct block_cache *c); /* pairs with block_cache_close */
void block_cache_close(struct block_cache *c);
/* Records that n bytes were read. */
void block_cache_count(struct block_cache *c, size_t n);
bool block_cache_worth(struct block_cache *c, bool verified);
/* Returns SHARD_BLOCK_BYTES for the caller to fill, with *slot set to them; the slot of the block that was
 * there becomes NULL. NULL: out of memory. */
unsigned char *block_cache_place(struct block_cache *c, const unsigned char **slot);
/* Releases the place of a block that could not be filled. */
void block_cache_forget(struct block_cache *c, const unsigned char **slot);

#endif
