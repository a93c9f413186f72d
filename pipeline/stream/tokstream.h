/*
 * tokstream.h - write and read a token stream (formats/tokens.md) at an endpoint
 *
 * An endpoint is "-" (stdout, stdin), "ring:NAME" (shm/ring.h) or a path. A file appears under its name only
 * when the stream is complete. These calls die() naming the endpoint, the offset in the stream and the
 * reason.
 */
#ifndef STREAM_TOKSTREAM_H
#define STREAM_TOKSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/tokens.h"

struct tok_writer;

/* Refuses to write binary data to a terminal (exit 2). With a ring, the writer waits for its reader only when
 * the ring is full. */
struct tok_writer *tok_writer_open(const char *endpoint, const struct tokens_header *h);
/* Writes one record; n <= TOKENS_MAX_RECORD. hash: of the whole document. more: the document continues in the
 * next record. text_bytes: size of the text of these tokens. When the reader of a ring has gone, the process
 * ends as it would on a broken pipe. When stop_signal is set while waiting, it returns with nothing written.
 */
void tok_writer_put(struct tok_writer *w, int domain, uint64_t hash, const uint32_t *ids, size_t n,
                    uint64_t text_bytes, bool more);
/* Writes what is buffered, for pipes whose reader should see documents as they come. */
void tok_writer_flush(struct tok_writer *w);
/* whole: writes the end record and commits. Not whole (stopped by a signal): a pipe or ring ends truncated,
 * and a file is not committed. */
void tok_writer_close(struct tok_writer *w, bool whole);

struct tok_reader;

struct tok_record_view {
    uint32_t n_tokens;
    int domain;
    int flags; /* TOKENS_CONTINUED */
    uint64_t text_bytes;
    uint64_t document_hash;
    const void *tokens; /* 4-byte aligned; uint16_t or uint32_t (token_width); all below vocab_size; valid
                           until the next call */
};

/* Reads and checks the header. Waits up to a minute for a ring's producer. */
struct tok_reader *tok_reader_open(const char *endpoint);
/* tok_reader_open for an open descriptor from which the first n_head bytes were read already. */
struct tok_reader *tok_reader_open_fd(int fd, const char *name, const void *head, size_t n_head);
const struct tokens_header *tok_reader_header(const struct tok_reader *r);
/* Returns false when the stream has ended properly, or stop_signal is set (the caller checks it). Dies when
 * it is damaged or truncated. */
bool tok_reader_next(struct tok_reader *r, struct tok_record_view *v);
uint64_t tok_reader_offset(const struct tok_reader *r); /* where the next record begins, in bytes */
void tok_reader_close(struct tok_reader *r);

/* Returns token i of a view. */
static inline uint32_t tok_at(const struct tokens_header *h, const struct tok_record_view *v, size_t i)
{
    return h->token_width == 2 ? ((const uint16_t *)v->tokens)[i] : ((const uint32_t *)v->tokens)[i];
}

#endif
