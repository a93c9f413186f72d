/*
 * batches.h - documents as equal helpings for threads, however long they are
 *
 * A batch holds whole documents, or one piece of a long one, cut where the
 * pieces are tokenised apart with the same result; where no such places are known, it stays whole. What is in
 * which batch depends on the documents alone, so results do not depend on threads.
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
    BATCH_BYTES = 256 << 10, /* a batch is full from here on; documents are cut from here on */
    CHUNK_MAX = 1 << 20,     /* bytes: TOKENS_MAX_RECORD, so that a chunk is a record */
    BATCH_CHUNKS = 4096,
};

struct chunk {      /* a document or a piece of one */
    size_t at, len; /* in the batch's text */
    int domain;
    bool first, last; /* of its document */
};

struct batch { /* begins the caller's job struct */
    struct strbuf text;
    struct chunk chunks[BATCH_CHUNKS];
    size_t n_chunks;
};

struct feed_opts {
    const char *name;                  /* for progress */
    uint64_t max_bytes;                /* of text: the document that reaches it is the last */
    double sample;                     /* share of the documents to take, drawn one by one; 1: all */
    uint64_t seed;                     /* of the draw */
    const struct tokenizer *tokenizer; /* what the documents are for; NULL: for one of ours to be learnt */
    bool replace_invalid;              /* bytes that are not UTF-8 become U+FFFD */
};

/* Gives the documents to the threads, until the end or stop_signal. */
void batches_feed(struct ordered *o, struct input *in, const struct feed_opts *opts);

#endif
