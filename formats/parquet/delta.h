/*
 * delta.h - numbers as differences, packed in blocks: DELTA_BINARY_PACKED, and the lengths in the DELTA
 * string encodings
 *
 *   r = delta_begin(&d, bytes, n)
 *   while (d.left > 0 && delta_next(&d, &v) == 0) ...
 */
#ifndef PARQUET_DELTA_H
#define PARQUET_DELTA_H

#include <stddef.h>
#include <stdint.h>

struct delta {
    const uint8_t *at, *end;
    uint64_t left; /* numbers not yet read */
    uint64_t last;
    uint32_t per_miniblock, n_miniblocks;
    const uint8_t *widths; /* of the block's miniblocks */
    uint32_t miniblock;    /* the next one */
    uint64_t min_delta;
    uint32_t in_miniblock; /* numbers left in the current one, which begins at at */
    unsigned width;
    uint64_t bit;
    int first; /* the first number is in the header, not in a block */
};

/* 0, or -1: no such header. */
int delta_begin(struct delta *d, const uint8_t *bytes, size_t n);
/* The next number; only while left > 0. -1: the bytes end before, or no such block. */
int delta_next(struct delta *d, int64_t *out);
/* Where the encoded numbers end, without reading them; NULL: as -1 above. *d must have just begun. */
const uint8_t *delta_end(const struct delta *d);

#endif
