#include "pipeline/text/pretokenize/batches.h"

#include <xxhash.h>

#include "pipeline/lib/log.h"
#include "pipeline/text/pretokenize/pretokenizer.h"

struct feeder {
    struct ordered *o;
    struct batch *batch; /* being filled; NULL: none */
    struct pretokenizer *pretokenizer;
};

static void hand_over(struct feeder *f)
{
    ordered_put(f->o);
    f->batch = NULL;
}

static void add_chunk(struct feeder *f, const struct doc *d, size_t from, size_t len)
{
    if (!f->batch) {
        f->batch = ordered_get(f->o);
        strbuf_reset(&f->batch->text);
        f->batch->n_chunks = 0;
    }
    struct batch *b = f->batch;
    b->chunks[b->n_chunks++] = (struct chunk){
        .at = b->text.len, .len = len, .domain = d->domain, .first = from == 0, .last = from + len == d->len};
    strbuf_add(&b->text, d->text + from, len);
    if (b->text.len >= BATCH_BYTES || b->n_chunks == BATCH_CHUNKS)
        hand_over(f);
}

static void add_document(struct feeder *f, const struct doc *d)
{
    size_t from = 0;
    while (d->len - from > CHUNK_MAX) {
        size_t n = pretokenizer_cut(f->pretokenizer, d->text + from, d->len - from, BATCH_BYTES, CHUNK_MAX);
        add_chunk(f, d, from, n);
        from += n;
    }
    add_chunk(f, d, from, d->len - from);
}

/* Whether document n is in the sample: a function of these alone. */
static bool sampled(const struct feed_opts *opts, uint64_t n)
{
    return opts->sample >= 1 ||
           (double)(XXH3_64bits_withSeed(&n, sizeof n, opts->seed) >> 11) < opts->sample * 0x1p53;
}

void batches_feed(struct ordered *o, struct input *in, const struct feed_opts *opts)
{
    struct feeder f = {.o = o, .pretokenizer = pretokenizer_new()};
    struct doc d;
    uint64_t bytes = 0;
    for (uint64_t n = 0; !stop_signal && bytes < opts->max_bytes && input_next(in, &d); n++) {
        struct input_stats stats;
        if (!sampled(opts, n))
            continue;
        add_document(&f, &d);
        bytes += d.len;
        if (f.batch)
            continue;
        input_stats(in, &stats);
        progress(opts->name, stats.total_bytes ? stats.read_bytes : bytes, stats.total_bytes, "bytes", NULL);
    }
    if (f.batch)
        hand_over(&f);
    progress_end();
    pretokenizer_free(f.pretokenizer);
}
