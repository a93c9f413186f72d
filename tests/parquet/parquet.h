/*
 * parquet.h - what the parts of parquet_test share
 *
 * parquet_test.c  files that pyarrow wrote, whole and damaged
 * bytes.c         files in memory
 * build.c         files that claim what one likes
 * lies.c          claims that are not true
 */
#ifndef TESTS_PARQUET_H
#define TESTS_PARQUET_H

#include "formats/parquet/parquet.h"
#include "tests/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *s;
    size_t n;
    uint64_t asked, needed; /* by read_at, by will_need */
    uint64_t hole;          /* bytes of nothing after the first 4, before the others */
    bool broken;            /* read_at fails */
};

struct parquet_io io_of(struct bytes *b);
struct bytes load(const char *name); /* a file of tests/golden/parquet; the caller frees s */
/* Reads all rows of one column. Returns the code that ended it; err: why, unless that is 0. */
int read_column(struct bytes *b, const char *column, uint64_t *rows, char err[400]);

/* The claims of a small file: one column "text" of strings, one row group, one page. */
struct claims {
    int64_t file_rows, group_rows, chunk_values, data_offset, chunk_bytes, codec, type, children;
    int64_t page_type, page_values, page_bytes, page_stored, encoding, level_encoding;
    int64_t repetition, dictionary_values, footer_more;
};
extern const struct claims truth;

/* The file that makes these claims; its page is levels (or none) and values, as given. The caller frees s. */
struct bytes build(const struct claims *c, const char *levels, size_t n_levels, const char *values, size_t n);

void lies_are_refused(void);
void offsets_may_be_large(void);
void damaged_pages_are_refused(void);
void dictionaries_are_checked(void);
void runs_without_end_take_no_memory(void);
void thrift_bombs_are_refused(void);

#endif
