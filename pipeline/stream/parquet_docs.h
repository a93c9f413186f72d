/*
 * parquet_docs.h - reads the documents of a Parquet file, one a row, for input.c
 *
 * The text is a column, or several joined by a template; the id comes from the column "id", or else is
 * NAME:ROW from 1; the domain comes from the column "domain". formats/parquet.md describes how columns are
 * named.
 */
#ifndef STREAM_PARQUET_DOCS_H
#define STREAM_PARQUET_DOCS_H

#include "formats/docs.h"
#include "formats/parquet/parquet.h"
#include "pipeline/stream/input.h"

struct parquet_docs;

/* Takes over fd. Dies when the file is not Parquet, or lacks columns that opts name. */
struct parquet_docs *parquet_docs_open(int fd, const char *name, const struct input_opts *opts);
/* parquet_docs_open for a file whose bytes a source provides; source->arg must be valid until
 * parquet_docs_close. */
struct parquet_docs *parquet_docs_open_source(const struct input_source *source,
                                              const struct input_opts *opts);
/* PARQUET_DOCS_BROKEN: the file is damaged, and no more rows follow. PARQUET_DOCS_BAD_ROW: this row is no
 * document. */
enum { PARQUET_DOCS_BROKEN = -1, PARQUET_DOCS_BAD_ROW = -2 };
/* Reads the next row. Returns 1; 0 at the end; or one of the codes above, and parquet_docs_error says where
 * and why. *d is valid until the next call; its text has length 0 where its columns are null. */
int parquet_docs_next(struct parquet_docs *p, struct doc *d);
const char *parquet_docs_error(const struct parquet_docs *p);
/* How many bytes of the file have been read so far. */
uint64_t parquet_docs_offset(const struct parquet_docs *p);
void parquet_docs_close(struct parquet_docs *p);

/* Implements read_at of struct parquet_io for a local file; ctx is the address of its descriptor. */
int64_t parquet_read_fd(void *ctx, uint64_t offset, void *buf, size_t n);

#endif
