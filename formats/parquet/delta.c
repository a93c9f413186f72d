#include "formats/parquet/delta.h"

#include "formats/parquet/rle.h"
#include "formats/parquet/thrift.h"

enum { MAX_BLOCK = 1 << 20 }; /* numbers in a block; writers use 128 or 256 */

static int take(struct delta *d, uint64_t *v)
{
    size_t n = varint_read(d->at, d->end, v);
    d->at += n;
    return n > 0 ? 0 : -1;
}

int delta_begin(struct delta *d, const uint8_t *bytes, size_t n)
{
    uint64_t block, miniblocks, total, first;
    *d = (struct delta){.at = bytes, .end = bytes + n, .first = 1};
    if (take(d, &block) < 0 || take(d, &miniblocks) < 0 || take(d, &total) < 0 || take(d, &first) < 0)
        return -1;
    if (block == 0 || block > MAX_BLOCK || miniblocks == 0 || miniblocks > block || block % miniblocks != 0 ||
        block / miniblocks % 8 != 0)
        return -1;
    d->n_miniblocks = d->miniblock = (uint32_t)miniblocks;
    d->per_miniblock = (uint32_t)(block / miniblocks);
    d->left = total;
    d->last = (uint64_t)zigzag(first);
    return 0;
}

/* Reads a block's header: the smallest difference, and a width for each miniblock. */
static int begin_block(struct delta *d)
{
    uint64_t min;
    if (take(d, &min) < 0 || (size_t)(d->end - d->at) < d->n_miniblocks)
        return -1;
    d->min_delta = (uint64_t)zigzag(min);
    d->widths = d->at;
    d->at += d->n_miniblocks;
    d->miniblock = 0;
    return 0;
}

static uint64_t miniblock_bytes(const struct delta *d)
{
    return (uint64_t)d->per_miniblock / 8 * d->width;
}

/* Skips to the next miniblock, if numbers are still wanted. */
static int begin_miniblock(struct delta *d)
{
    if (d->miniblock == d->n_miniblocks && begin_block(d) < 0)
        return -1;
    d->width = d->widths[d->miniblock++];
    d->in_miniblock = d->per_miniblock;
    d->bit = 0;
    /* Some writers leave out the end of the last miniblock. */
    uint64_t there = (uint64_t)(d->end - d->at),
             want = d->left < d->per_miniblock ? d->left : d->per_miniblock;
    return d->width <= 64 && there >= (want * d->width + 7) / 8 ? 0 : -1;
}

static void end_miniblock(struct delta *d)
{
    uint64_t there = (uint64_t)(d->end - d->at), bytes = miniblock_bytes(d);
    d->at += bytes < there ? bytes : there;
}

int delta_next(struct delta *d, int64_t *out)
{
    if (!d->first) {
        if (d->in_miniblock == 0 && begin_miniblock(d) < 0)
            return -1;
        size_t bytes = (size_t)(d->end - d->at);
        unsigned low = d->width < 32 ? d->width : 32;
        uint64_t v = bits_at(d->at, bytes, d->bit, low);
        if (d->width > low)
            v |= bits_at(d->at, bytes, d->bit + low, d->width - low) << low;
        d->last += d->min_delta + v;
        d->bit += d->width;
        if (--d->in_miniblock == 0)
            end_miniblock(d);
    }
    d->first = 0;
    d->left--;
    *out = (int64_t)d->last;
    return 0;
}

const uint8_t *delta_end(const struct delta *begun)
{
    struct delta d = *begun;
    if (d.left > 0)
        d.left--; /* the first number is in the header */
    while (d.left > 0) {
        if (begin_miniblock(&d) < 0)
            return NULL;
        end_miniblock(&d);
        d.left -= d.left < d.per_miniblock ? d.left : d.per_miniblock;
    }
    return d.at;
}
