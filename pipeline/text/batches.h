/*
 * batches.h - documents as equal helpings for threads, however long they are
 *
 * A batch holds whole documents, or one piece of a long one, cut where the
 * pieces are tokenised apart with the same result. What is in which batch
 * depends on the documents alone, so results do not depend on threads.
 */
#ifndef TEXT_BATCHES_H
#define TEXT_BATCHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pipeline/lib/fs.h"
#include "pipeline/lib/input.h"
#include "pipeline/lib/ordered.h"

enum {
    BATCH_BYTES = 256 << 10,        /* a batch is full from here on; documents are cut from here on */
    CHUNK_MAX = 1 << 20,            /* bytes: TOKENS_MAX_RECORD, so that a chunk is a record */
    BATCH_CHUNKS = 4096,
};

struct chunk {                      /* a document or a piece of one */
    size_t at, len;                 /* in the batch's text */
    int domain;
    bool first, last;               /* of its document */
};

struct batch {                      /* begins the caller's job struct */
    struct strbuf text;
    struct chunk chunks[BATCH_CHUNKS];
    size_t n_chunks;
};

/* Gives all documents to the threads, until max_bytes of text, or stop_signal. name: for progress. */
void batches_feed(struct ordered *o, struct input *in, uint64_t max_bytes, const char *name);

#endif
