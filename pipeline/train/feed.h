/*
 * feed.h - the stream of batches, given to every rank
 *
 * Rank 0 reads the stream (stdin, a ring or a file) and hands each record to all, so that a step trains on
 * the same rows on any number of ranks. A rank then takes its rows from the record.
 */
#ifndef TRAIN_FEED_H
#define TRAIN_FEED_H

#include "pipeline/cluster/cluster.h"
#include "pipeline/stream/batchstream.h"

enum feed_word {
    FEED_RECORD,
    FEED_END,    /* the stream has ended */
    FEED_STOP,   /* rank 0 was told to stop */
    FEED_FAILED, /* rank 0 cannot read on: it saves and fails */
};

struct feed {
    struct cluster *c;
    struct batch_reader *in; /* rank 0 */
    struct batch_header header;
    void *buffer; /* for several ranks: what rank 0 says, then a record; owned */
    bool reading; /* rank 0 is within a read: should it fail, no step is lost */
};

void feed_open(struct feed *f, struct cluster *c, const char *endpoint);
void feed_close(struct feed *f);
/* *signal: what rank 0 was told to stop by, with FEED_STOP. *record is valid until the next call. */
enum feed_word feed_next(struct feed *f, const struct batch_record **record, int *signal);
/* Reads a record past, on rank 0 alone. Returns false at the end of the stream or at a signal. */
bool feed_skip(struct feed *f);
/* Rank 0 tells the others, who wait in feed_next, that it fails. */
void feed_fail(struct feed *f);
/* No more records are needed (batch_reader_finish). */
void feed_finish(struct feed *f);
double feed_stall_seconds(const struct feed *f);

#endif
