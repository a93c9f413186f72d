/*
 * shuffle.h - shuffle documents in bounded memory
 *
 * Documents are put into a buffer of fixed size. When it is full, documents drawn at random leave it to make
 * room; at the end the remaining ones leave in random order. So input that fits is shuffled perfectly, and
 * larger input is shuffled within a sliding window. A document that is larger than the buffer passes straight
 * through. The order is a function of the input, the buffer's size and the seed.
 *
 * The buffer is cut into small chunks that documents are chained from, so that
 * documents of all lengths leave no unusable holes: memory is bounded exactly.
 */
#ifndef SHARD_SHUFFLE_H
#define SHARD_SHUFFLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pipeline/stream/tokstream.h"

enum {
    SHUFFLE_MIN_BYTES = 1 << 20,
    SHUFFLE_MAX_BYTES = 640 << 20, /* keeps the program below 1 GiB together with its other buffers */
};

/* The receiver of documents: begin, tokens in any number of pieces, end. hash: the document's. */
struct shuffle_sink {
    void *arg;
    void (*begin)(void *arg, uint64_t hash);
    void (*tokens)(void *arg, const void *tokens, size_t n);
    void (*end)(void *arg, int domain, uint64_t text_bytes);
};

struct shuffle;

/* bytes must lie between the two limits above; width: bytes a token. Dies when out of memory. */
struct shuffle *shuffle_new(uint64_t bytes, uint32_t width, uint64_t seed, const struct shuffle_sink *sink);
/* Adds a record: the next tokens of the current document. */
void shuffle_put(struct shuffle *s, const struct tok_record_view *v);
void shuffle_flush(struct shuffle *s); /* called at the end of the input */
/* The smallest and the largest hash of the documents in the buffer. False: it is empty. */
bool shuffle_hashes(const struct shuffle *s, uint64_t *least, uint64_t *greatest);
uint64_t shuffle_empty(const struct shuffle *s); /* documents without a token, which were dropped */
void shuffle_free(struct shuffle *s);

#endif
