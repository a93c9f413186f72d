#include "pipeline/text/vocabulary/batches.h"

#include <xxhash.h>

#include "pipeline/lib/log.h"
#include "pipeline/text/pretokenize/pretokenizer.h"

struct feeder {
    struct ordered *o;
    struct batch *batch; /* the batch that is being filled; NULL: none */
    struct pretokenizer *pretokenizer;
    const struct feed_opts *opts;
    struct strbuf replaced; /* a document in which bytes that are not UTF-8 have been replaced */
    uint64_t n_replaced;
};

static void hand_over(struct feeder *f)
{
    ordered_put(f->o);
    f->batch = NULL;
}

static void add_chunk(struct feeder *f, const struct doc *d, uint64_t hash, size_t from, size_t len)
{
    if (!f->batch) {
        f->batch = ordered_get(f->o);
        strbuf_reset(&f->batch->text);
        f->batch->n_chunks = 0;
    }
    struct batch *b = f->batch;
    b->chunks[b->n_chunks++] = (struct chunk){.at = b->text.len,
                                              .len = len,
                                              .hash = hash,
                                              .domain = d->domain,
                                              .first = from == 0,
                                              .last = from + len == d->len};
    strbuf_add(&b->text, d->text + from, len);
    if (b->text.len >= BATCH_BYTES || b->n_chunks == BATCH_CHUNKS)
        hand_over(f);
}

/* Copies the document with U+FFFD for each byte that is not UTF-8. */
static void replace_invalid(struct feeder *f, struct doc *d)
{
    strbuf_reset(&f->replaced);
    for (size_t at = 0; at < d->len; at++) {
        size_t valid = utf8_prefix(d->text + at, d->len - at);
        strbuf_add(&f->replaced, d->text + at, valid);
        at += valid;
        if (at == d->len)
            break;
        strbuf_add(&f->replaced, "\xef\xbf\xbd", 3);
        f->n_replaced++;
    }
    d->text = f->replaced.s;
    d->len = f->replaced.len;
}

/* Checks that the tokenizer can encode the document: vocabularies of characters, and those that lack some
 * bytes, cannot encode all texts. */
static void check_document(struct feeder *f, struct doc *d)
{
    const struct tokenizer *t = f->opts->tokenizer;
    if (f->opts->replace_invalid && utf8_prefix(d->text, d->len) < d->len)
        replace_invalid(f, d);
    size_t at = t ? tokenizer_check(t, d->text, d->len) : d->len;
    if (at < d->len)
        die("%s: byte %zu: 0x%02x is not UTF-8, and the vocabulary has nothing for it (--replace-invalid "
            "takes "
            "U+FFFD)",
            d->id, at, (unsigned char)d->text[at]);
}

static void add_document(struct feeder *f, struct doc *d)
{
    size_t from = 0;
    uint64_t hash = XXH3_64bits(d->text, d->len);
    bool may_cut = !f->opts->tokenizer || tokenizer_may_cut(f->opts->tokenizer);
    check_document(f, d);
    while (may_cut && d->len - from > CHUNK_MAX) {
        size_t n = pretokenizer_cut(f->pretokenizer, d->text + from, d->len - from, BATCH_BYTES, CHUNK_MAX);
        add_chunk(f, d, hash, from, n);
        from += n;
    }
    add_chunk(f, d, hash, from, d->len - from);
}

/* Whether document n, of all parts, is in the sample: a function of opts and n alone. */
static bool sampled(const struct feed_opts *opts, uint64_t n)
{
    return opts->sample >= 1 ||
           (double)(XXH3_64bits_withSeed(&n, sizeof n, opts->seed) >> 11) < opts->sample * 0x1p53;
}

void batches_feed(struct ordered *o, struct input *in, const struct feed_opts *opts)
{
    struct feeder f = {.o = o, .pretokenizer = pretokenizer_new(), .opts = opts};
    struct doc d;
    uint64_t bytes = 0;
    while (!stop_signal && bytes < opts->max_bytes && input_next(in, &d)) {
        struct input_stats stats;
        if (!sampled(opts, input_number(in)))
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
    if (f.n_replaced)
        warn("%llu bytes that are not UTF-8 became U+FFFD", (unsigned long long)f.n_replaced);
    pretokenizer_free(f.pretokenizer);
    strbuf_free(&f.replaced);
}
