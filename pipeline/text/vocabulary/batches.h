/*
 * batches.h - divides documents, however long, into batches of equal size for threads
 *
 * A batch holds whole documents, or one piece of a long one. A long document is cut at places where both
 * pieces can be tokenised apart with the same result; where no such places are known, it stays whole. The
 * contents of batches depend on the documents alone, so results do not depend on threads.
 */
#ifndef VOCABULARY_BATCHES_H
#define VOCABULARY_BATCHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pipeline/lib/fs.h"
#include "pipeline/stream/input.h"
#include "pipeline/lib/ordered.h"
#include "pipeline/text/vocabulary/tokenizer.h"

enum {
    BATCH_BYTES = 256 << 10, /* a batch of this size is full; documents are cut from this size on */
    CHUNK_MAX = 1 << 20,     /* bytes; equal to TOKENS_MAX_RECORD, so that a chunk fits a record */
    BATCH_CHUNKS = 4096,
};

struct chunk {      /* a document, or a piece of one */
    size_t at, len; /* in the batch's text */
    uint64_t hash;  /* XXH3-64 of the whole document as it was read */
    int domain;
    bool first, last; /* the chunk is the first, or the last, of its document */
};

struct batch { /* the first member of the caller's job struct */
    struct strbuf text;
    struct chunk chunks[BATCH_CHUNKS];
    size_t n_chunks;
};

struct feed_opts {
    const char *name;                  /* shown with progress */
    uint64_t max_bytes;                /* bytes of text: the document that reaches this size is the last */
    double sample;                     /* share of the documents to take, drawn one by one; 1: all */
    uint64_t seed;                     /* seed of the draw */
    const struct tokenizer *tokenizer; /* the tokenizer that will encode the documents; NULL: one of ours will
                                          be learned from them */
    bool replace_invalid;              /* bytes that are not UTF-8 become U+FFFD */
};

/* Passes the documents to the threads, until the end or stop_signal. */
void batches_feed(struct ordered *o, struct input *in, const struct feed_opts *opts);

#endif
