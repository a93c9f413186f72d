#include "pipeline/train/feed.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/signals.h"

#include <stdlib.h>
#include <string.h>

struct announcement { /* stands before a record, which is aligned as it is */
    int64_t word, signal;
};

void feed_open(struct feed *f, struct cluster *c, const char *endpoint)
{
    *f = (struct feed){.c = c};
    if (c->rank == 0) {
        f->in = batch_reader_open(endpoint);
        f->header = *batch_reader_header(f->in);
    }
    cluster_broadcast(c, &f->header, sizeof f->header, 0);
    if (c->size > 1)
        f->buffer = xcalloc(1, sizeof(struct announcement) + batch_record_bytes(&f->header));
}

void feed_close(struct feed *f)
{
    batch_reader_close(f->in);
    free(f->buffer);
}

/* Rank 0 says what is next, and in the same message hands the record over. */
static void announce(struct feed *f, enum feed_word word, const struct batch_record *record)
{
    struct announcement *a = f->buffer;
    size_t bytes = batch_record_bytes(&f->header);
    if (f->c->size == 1)
        return;
    *a = (struct announcement){.word = word, .signal = word == FEED_STOP ? stop_signal : 0};
    if (record)
        memcpy(a + 1, record, bytes);
    cluster_broadcast(f->c, a, sizeof *a + bytes, 0);
}

static enum feed_word read_record(struct feed *f, const struct batch_record **record)
{
    f->reading = true;
    int more = batch_reader_next(f->in, record);
    f->reading = false;
    return more ? FEED_RECORD : stop_signal ? FEED_STOP : FEED_END;
}

enum feed_word feed_next(struct feed *f, const struct batch_record **record, int *signal)
{
    if (f->in) {
        enum feed_word word = read_record(f, record);
        announce(f, word, word == FEED_RECORD ? *record : NULL);
        *signal = word == FEED_STOP ? stop_signal : 0;
        return word;
    }
    const struct announcement *a = f->buffer;
    cluster_broadcast(f->c, f->buffer, sizeof *a + batch_record_bytes(&f->header), 0);
    *record = (const struct batch_record *)(a + 1);
    *signal = (int)a->signal;
    return (enum feed_word)a->word;
}

bool feed_skip(struct feed *f)
{
    const struct batch_record *record;
    return !f->in || batch_reader_next(f->in, &record);
}

void feed_fail(struct feed *f)
{
    f->reading = false;
    announce(f, FEED_FAILED, NULL);
}

void feed_finish(struct feed *f)
{
    if (f->in)
        batch_reader_finish(f->in);
}

double feed_stall_seconds(const struct feed *f)
{
    return f->in ? batch_reader_stall_seconds(f->in) : 0;
}
