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
    const uint8_t *widths; /* one width for each miniblock of the block */
    uint32_t miniblock;    /* index of the next miniblock */
    uint64_t min_delta;
    uint32_t in_miniblock; /* numbers left in the current miniblock, which begins at `at` */
    unsigned width;
    uint64_t bit;
    int first; /* the first number is in the header, not in a block */
};

/* Returns 0, or -1 when the header is invalid. */
int delta_begin(struct delta *d, const uint8_t *bytes, size_t n);
/* Reads the next number; allowed only while left > 0. Returns -1 when the bytes end before, or the block is
 * invalid. */
int delta_next(struct delta *d, int64_t *out);
/* Returns where the encoded numbers end, without reading them; NULL where delta_next would return -1. *d must
 * have just begun. */
const uint8_t *delta_end(const struct delta *d);

#endif
