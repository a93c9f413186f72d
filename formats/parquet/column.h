/*
 * column.h - reads one column, one row group after the other: its pages, and from them one text a row
 *
 *   column_init(&c, &shared, element, name, join)
 *   column_begin(&c, &chunk)           a row group's part
 *   column_row(&c, &cell)              rows, until 0
 *
 * The columns of a file take turns, so they share the state that decompression needs beyond the page itself.
 */
#ifndef PARQUET_COLUMN_H
#define PARQUET_COLUMN_H

#include "formats/parquet/codec.h"
#include "formats/parquet/page.h"
#include "formats/parquet/text.h"
#include "formats/parquet/values.h"

struct shared { /* shared by the columns of a file */
    struct parquet_io io;
    struct memory memory;
    struct fault fault;
    struct codec_state *codec;
    struct buffer stored; /* a page before decompression, if the window cannot hold it */
    uint64_t bytes_read;  /* read so far from the chunks of wanted columns */
};

enum { LEVELS_BATCH = 128, COLUMN_NAME = 80 };

struct levels { /* repetition or definition levels of one page */
    struct rle rle;
    uint32_t batch[LEVELS_BATCH];
    unsigned at, n;
};

struct column {
    struct shared *shared;
    const struct parquet_element *element;
    const struct parquet_element *list; /* its elements are kept apart; NULL: joined */
    const char *join;                   /* borrowed */
    char name[COLUMN_NAME];             /* for messages */
    struct parquet_chunk chunk;

    struct buffer window; /* file bytes from window_offset on: the next header, often the page */
    uint64_t window_offset;
    size_t window_n;
    uint64_t next, end;   /* file offsets of the next page's header, and of the chunk's end */
    uint64_t values_left; /* values of the chunk that come after this page */

    uint64_t page_offset; /* offset of the page's header, for messages */
    uint32_t page_left;   /* unread values of the page, nulls included */
    struct buffer page;   /* decompressed */
    struct levels rep, def;
    bool peeked; /* the level of the next entry has been read into next_rep */
    uint32_t next_rep;
    struct dictionary dictionary;
    struct values values;

    char number[REAL_TEXT];
    struct buffer joined;
    size_t joined_n;
    struct buffer parts; /* of joined */
    size_t n_parts;
};

/* list: keep its elements apart; NULL: join them. Returns 0, or PARQUET_EUNSUPPORTED with a message when the
 * type has no text. */
int column_init(struct column *c, struct shared *s, const struct parquet_element *e,
                const struct parquet_element *list, const char *name, const char *join);
void column_free(struct column *c);
int column_begin(struct column *c, const struct parquet_chunk *chunk);
/* Returns 1: a row; 0: the chunk has no more rows; otherwise an error code, with the reason in shared->fault.
 */
int column_row(struct column *c, struct parquet_cell *cell);

/* For column_rows.c. Reads pages until one has values: 1, or 0 at the end of the chunk. */
int column_next_page(struct column *c);
/* These set the fault and return code. */
int column_fail(struct column *c, int code, const char *why);
int column_no_room(struct column *c, int code, const char *what, uint64_t n);

#endif
