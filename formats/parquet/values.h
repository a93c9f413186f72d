/*
 * values.h - reads the values of a page, one after the other, in any supported encoding
 *
 *   r = values_begin(&v, element, encoding, bytes, n, &dictionary)
 *   r = values_next(&v, &s, &len)
 *
 * A value is a span of bytes: a string itself, a number in little-endian order, a boolean as one byte that is
 * 0 or 1. It is valid until the next call. Both functions return 0 or a code of parquet.h with the reason in
 * v.why.
 */
#ifndef PARQUET_VALUES_H
#define PARQUET_VALUES_H

#include "formats/parquet/delta.h"
#include "formats/parquet/fault.h"
#include "formats/parquet/parquet.h"
#include "formats/parquet/rle.h"

struct dictionary {
    struct buffer page;  /* the dictionary page: values in PLAIN encoding */
    struct buffer index; /* uint32_t: where each string begins, after its length */
    uint32_t n;
    bool there;
};

enum { VALUES_BATCH = 64 };

struct values {
    struct memory *memory; /* these two belong to the caller and outlive a page */
    struct buffer last;    /* DELTA_BYTE_ARRAY: the last string */
    size_t last_len;

    enum parquet_type type;
    int encoding;
    size_t width; /* bytes of a value; 0: strings, which carry their own lengths */
    const uint8_t *at, *end;
    uint64_t n;     /* values returned from this page so far */
    size_t n_split; /* BYTE_STREAM_SPLIT: values in the page */
    const struct dictionary *dictionary;
    struct rle rle; /* for indices and booleans */
    uint32_t batch[VALUES_BATCH];
    size_t batch_at, batch_n;
    struct delta lengths, prefixes;
    uint8_t scratch[8];
    const char *why;
};

/* Returns the bytes of a value of this type; 0: it varies. */
size_t values_width(const struct parquet_element *e);
int values_begin(struct values *v, const struct parquet_element *e, int encoding, const uint8_t *bytes,
                 size_t n, const struct dictionary *dictionary);
int values_next(struct values *v, const uint8_t **s, size_t *len);

/* Finds where the n values are in the first `bytes` bytes of d->page. */
int dictionary_index(struct dictionary *d, const struct parquet_element *e, uint32_t n, size_t bytes,
                     struct memory *memory, const char **why);
void dictionary_free(struct dictionary *d, struct memory *memory);

#endif
