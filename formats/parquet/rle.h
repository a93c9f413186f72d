/*
 * rle.h - numbers in runs: either one number repeated, or numbers packed with as many bits each as the
 * largest needs
 *
 *   rle_begin(&r, bytes, n, width)
 *   n = rle_read(&r, out, want)
 *
 * Levels, dictionary indices and booleans use this encoding. Nothing is allocated: a run that claims 2^60
 * numbers costs no more than one of eight.
 */
#ifndef PARQUET_RLE_H
#define PARQUET_RLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rle {
    const uint8_t *at, *end;
    unsigned width; /* bits of a number, 0..32 */
    uint64_t left;  /* numbers left in the run */
    bool packed;
    uint32_t value;        /* the number that a run repeats, when it is not packed */
    uint64_t bit;          /* offset in bits of the next packed number, from at */
    uint64_t packed_bytes; /* size of the packed run, from at */
};

/* width: at most 32. */
void rle_begin(struct rle *r, const uint8_t *bytes, size_t n, unsigned width);
/* Reads up to n numbers; the return value is smaller when the bytes end before. The last packed run may have
 * up to seven more numbers than the writer meant. */
size_t rle_read(struct rle *r, uint32_t *out, size_t n);

/* Returns width bits, at most 57, from bit `bit` of bytes[0..n) on, lowest bit first; bits beyond n bytes are
 * 0. */
uint64_t bits_at(const uint8_t *bytes, size_t n, uint64_t bit, unsigned width);

#endif
