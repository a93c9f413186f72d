#include "pipeline/shard/shuffle.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/random.h"

enum {
    CHUNK_BYTES = 512,
    PAYLOAD = CHUNK_BYTES - 8,
    NONE = UINT32_MAX,
};

struct chunk {
    uint32_t next; /* the next chunk of the document, or of the free list */
    uint32_t pad;  /* keeps the payload aligned */
    unsigned char payload[PAYLOAD];
};
_Static_assert(sizeof(struct chunk) == CHUNK_BYTES, "chunk has no holes");

struct document {
    uint64_t hash, n_tokens, text_bytes;
    uint32_t first, domain;
};

struct shuffle {
    struct shuffle_sink sink;
    uint32_t width, per_chunk; /* bytes a token, tokens a chunk */
    uint64_t rng;              /* counter of a SplitMix64 */
    struct chunk *chunks;
    struct document *documents;
    uint32_t n_chunks, n_used; /* n_used: chunks from this one on were never used */
    uint32_t n_documents, free;
    /* The document that is being added. */
    struct document current;
    uint32_t last; /* its last chunk, or NONE */
    bool passing;  /* it does not fit and goes straight to the sink */
    uint64_t empty;
};

struct shuffle *shuffle_new(uint64_t bytes, uint32_t width, uint64_t seed, const struct shuffle_sink *sink)
{
    struct shuffle *s = xcalloc(1, sizeof *s);
    assert(bytes >= SHUFFLE_MIN_BYTES && bytes <= SHUFFLE_MAX_BYTES);
    s->sink = *sink;
    s->width = width;
    s->per_chunk = PAYLOAD / width;
    s->rng = seed;
    s->n_chunks = (uint32_t)(bytes / CHUNK_BYTES);
    s->chunks =
        xmalloc((size_t)s->n_chunks * CHUNK_BYTES); /* pages become resident only when they are touched */
    s->documents = xmalloc((size_t)s->n_chunks * sizeof *s->documents);
    s->free = s->last = NONE;
    return s;
}

/* Returns a uniform number below n: Lemire 2019, arXiv:1805.10941. */
static uint32_t random_below(struct shuffle *s, uint32_t n)
{
    uint64_t threshold = -(uint64_t)n % n;
    for (;;) {
        unsigned __int128 m = (unsigned __int128)random_next(&s->rng) * n;
        if ((uint64_t)m >= threshold)
            return (uint32_t)(m >> 64);
    }
}

/* Passes the tokens of a chain to the sink, and its chunks to the free list. */
static void drain(struct shuffle *s, uint32_t c, uint64_t n_tokens)
{
    while (c != NONE) {
        uint64_t n = n_tokens < s->per_chunk ? n_tokens : s->per_chunk;
        uint32_t next = s->chunks[c].next;
        s->sink.tokens(s->sink.arg, s->chunks[c].payload, n);
        n_tokens -= n;
        s->chunks[c].next = s->free;
        s->free = c;
        c = next;
    }
}

static void emit_one(struct shuffle *s)
{
    uint32_t i = random_below(s, s->n_documents);
    struct document d = s->documents[i];
    s->documents[i] = s->documents[--s->n_documents];
    s->sink.begin(s->sink.arg, d.hash);
    drain(s, d.first, d.n_tokens);
    s->sink.end(s->sink.arg, (int)d.domain, d.text_bytes);
}

/* Returns NONE when every chunk belongs to the current document. */
static uint32_t take_chunk(struct shuffle *s)
{
    if (s->n_used < s->n_chunks && s->free == NONE)
        return s->n_used++;
    while (s->free == NONE && s->n_documents > 0)
        emit_one(s);
    uint32_t c = s->free;
    if (c != NONE)
        s->free = s->chunks[c].next;
    return c;
}

/* Emits the part of the current document that is buffered; the rest will follow it directly. */
static void pass_through(struct shuffle *s)
{
    s->passing = true;
    s->sink.begin(s->sink.arg, s->current.hash);
    drain(s, s->current.first, s->current.n_tokens);
    s->last = NONE;
}

static void append(struct shuffle *s, const unsigned char *p, size_t n)
{
    struct document *d = &s->current;
    while (n > 0 && !s->passing) {
        uint32_t used = (uint32_t)(d->n_tokens % s->per_chunk);
        if (used == 0) {
            uint32_t c = take_chunk(s);
            if (c == NONE) {
                pass_through(s);
                break;
            }
            s->chunks[c].next = NONE;
            if (s->last == NONE)
                d->first = c;
            else
                s->chunks[s->last].next = c;
            s->last = c;
        }
        size_t k = s->per_chunk - used < n ? s->per_chunk - used : n;
        memcpy(s->chunks[s->last].payload + (size_t)used * s->width, p, k * s->width);
        d->n_tokens += k;
        p += k * s->width;
        n -= k;
    }
    if (n > 0) {
        s->sink.tokens(s->sink.arg, p, n);
        d->n_tokens += n;
    }
}

static void finish_document(struct shuffle *s)
{
    struct document *d = &s->current;
    if (s->passing)
        s->sink.end(s->sink.arg, (int)d->domain, d->text_bytes);
    else if (d->n_tokens > 0)
        s->documents[s->n_documents++] = *d;
    else
        s->empty++;
    s->current = (struct document){0};
    s->last = NONE;
    s->passing = false;
}

void shuffle_put(struct shuffle *s, const struct tok_record_view *v)
{
    struct document *d = &s->current;
    d->hash = v->document_hash;
    d->domain = (uint32_t)v->domain;
    d->text_bytes += v->text_bytes;
    append(s, v->tokens, v->n_tokens);
    if (!(v->flags & TOKENS_CONTINUED))
        finish_document(s);
}

void shuffle_flush(struct shuffle *s)
{
    while (s->n_documents > 0)
        emit_one(s);
}

bool shuffle_hashes(const struct shuffle *s, uint64_t *least, uint64_t *greatest)
{
    *least = UINT64_MAX;
    *greatest = 0;
    for (uint32_t i = 0; i < s->n_documents; i++) {
        uint64_t h = s->documents[i].hash;
        *least = h < *least ? h : *least;
        *greatest = h > *greatest ? h : *greatest;
    }
    return s->n_documents > 0;
}

uint64_t shuffle_empty(const struct shuffle *s)
{
    return s->empty;
}

void shuffle_free(struct shuffle *s)
{
    free(s->chunks);
    free(s->documents);
    free(s);
}
