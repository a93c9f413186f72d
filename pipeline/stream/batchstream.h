/*
 * batchstream.h - write and read training batches (formats/batch.md) at an endpoint
 *
 * An endpoint is "-" (stdout, stdin), "ring:NAME" (shm/ring.h) or a path. A file appears under its name only
 * when the stream is complete. These calls die() naming the endpoint, the step, the offset in the stream and
 * the reason.
 *
 *   writer                              reader
 *   p = batch_writer_claim(w)           batch_reader_next(r, &record)
 *   fill batch_rows(p), batch_tokens    use record until the next call
 *   batch_writer_commit(w, step)
 */
#ifndef STREAM_BATCHSTREAM_H
#define STREAM_BATCHSTREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/batch.h"

struct batch_writer;

/* h must be sealed. Refuses to write binary data to a terminal (exit 2). A ring holds at least four records.
 */
struct batch_writer *batch_writer_open(const char *endpoint, const struct batch_header *h);
/* Returns the memory of one record, with undefined contents. NULL: stop_signal came while waiting, or the
 * ring's reader has closed it. */
void *batch_writer_claim(struct batch_writer *w);
/* Fills in step, payload hash and padding, and passes the record on. */
void batch_writer_commit(struct batch_writer *w, uint64_t step);
double batch_writer_stall_seconds(const struct batch_writer *w);
/* whole: writes the end record and commits a file. Otherwise a pipe or ring ends truncated, and a file is not
 * committed. */
void batch_writer_close(struct batch_writer *w, bool whole);

struct batch_reader;

/* Reads and checks the header. Waits up to a minute for a ring's writer. */
struct batch_reader *batch_reader_open(const char *endpoint);
const struct batch_header *batch_reader_header(const struct batch_reader *r);
/* Returns 1: *record is the next step's, valid until the next call. 0: the stream has ended properly, or
 * stop_signal is set (the caller checks it). Dies when the stream is truncated, or a record is damaged, out
 * of order, or holds a token outside the vocabulary. */
int batch_reader_next(struct batch_reader *r, const struct batch_record **record);
/* Called by a reader that needs no more records: lets a writer that is about to write its end record finish.
 * Warns when the end record is missing. */
void batch_reader_finish(struct batch_reader *r);
double batch_reader_stall_seconds(const struct batch_reader *r); /* time spent waiting for records */
void batch_reader_close(struct batch_reader *r);                 /* NULL is fine */

#endif
