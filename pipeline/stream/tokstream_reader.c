/*
 * tokstream_reader.c - reads token streams from a pipe, file or ring, and checks every byte
 *
 * From a descriptor, `buffer` holds [pos, end) of the stream, and a record is handed out as a view into it.
 * Every unit of the stream is a multiple of 4 bytes, so views are aligned. From a ring, the view points into
 * the copy of the record that ringend.c makes.
 */
#include "pipeline/stream/tokstream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/lib/apart.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/stream/ringend.h"
#include "shm/ring.h"

enum {
    BUFFER_BYTES = 256 << 10, /* grows to the size of the largest record so far */
};

struct tok_reader {
    char *name;
    struct tokens_header header;
    struct ring_in *ring; /* NULL: fd is used */
    int fd;
    unsigned char *buffer;
    size_t pos, end, cap;
    uint64_t offset; /* where the next unit begins in the stream */
    uint32_t n_documents;
    int open_domain;    /* the domain of a document that continues, or -1 */
    uint64_t open_hash; /* and its hash */
    bool finished;
};

static _Noreturn void bad(const struct tok_reader *r, uint64_t offset, const char *reason)
{
    die("%s: offset %llu: %s", r->name, (unsigned long long)offset, reason);
}

/* Makes n bytes of the stream contiguous at pos. Returns how many there are: fewer than n only at the end of
 * the file or when stop_signal is set. */
static size_t fill(struct tok_reader *r, size_t n)
{
    if (n > r->cap - r->pos) {
        memmove(r->buffer, r->buffer + r->pos, r->end - r->pos);
        r->end -= r->pos;
        r->pos = 0;
        if (n > r->cap)
            r->buffer = xrealloc(r->buffer, r->cap = n);
    }
    while (r->end - r->pos < n) {
        ssize_t got = read(r->fd, r->buffer + r->end, r->cap - r->end);
        if (got < 0 && errno != EINTR)
            die_errno("%s: offset %llu: read", r->name, (unsigned long long)r->offset);
        if (got == 0 || (got < 0 && stop_signal))
            break;
        if (got > 0)
            r->end += (size_t)got;
    }
    return r->end - r->pos < n ? r->end - r->pos : n;
}

/* Returns the next record of the ring. NULL: stop_signal, or closed (*closed). */
static const unsigned char *ring_next(struct tok_reader *r, uint32_t *len, bool *closed)
{
    int why;
    const void *p = ring_in_next(r->ring, len, &why);
    *closed = why == RING_ECLOSED;
    if (!p && why != RING_OK && !*closed)
        bad(r, r->offset, ring_in_strerror(why));
    return p;
}

static void check_header(struct tok_reader *r, const void *bytes, size_t n)
{
    if (n < sizeof r->header && stop_signal)
        exit(signal_exit_code());
    size_t magic = n < 8 ? n : 8;
    if (n > 0 && memcmp(bytes, TOKENS_MAGIC, magic) != 0)
        bad(r, 0, tokens_strerror(TOKENS_EMAGIC));
    if (n < sizeof r->header)
        bad(r, n, n == 0 ? "empty: no token stream" : "truncated token stream: ends within the header");
    memcpy(&r->header, bytes, sizeof r->header);
    int rc = tokens_header_check(&r->header);
    if (rc != TOKENS_OK)
        bad(r, 0, tokens_strerror(rc));
    r->offset = sizeof r->header;
}

static struct tok_reader *reader_new(const char *name)
{
    struct tok_reader *r = xcalloc(1, sizeof *r);
    r->name = xstrdup(name);
    r->fd = -1;
    r->open_domain = -1;
    return r;
}

struct tok_reader *tok_reader_open_fd(int fd, const char *name, const void *head, size_t n_head)
{
    struct tok_reader *r = reader_new(name);
    r->fd = fd;
    r->cap = n_head > BUFFER_BYTES ? n_head : BUFFER_BYTES;
    r->buffer = xmalloc(r->cap);
    if (n_head > 0)
        memcpy(r->buffer, head, n_head);
    r->end = n_head;
    size_t n = fill(r, sizeof r->header);
    check_header(r, r->buffer + r->pos, n);
    r->pos += n;
    return r;
}

struct tok_reader *tok_reader_open(const char *endpoint)
{
    if (is_ring(endpoint)) {
        struct tok_reader *r = reader_new(endpoint);
        r->ring = ring_in_open(endpoint);
        uint32_t len = 0;
        bool closed;
        const unsigned char *p = ring_next(r, &len, &closed);
        check_header(r, p, p ? len : 0);
        if (len != sizeof r->header)
            bad(r, 0, "the first record of the ring is not a token stream header");
        return r;
    }
    apart_input(endpoint);
    if (strcmp(endpoint, "-") == 0) {
        if (isatty(STDIN_FILENO))
            usage_error("stdin is a terminal: a token stream is binary, pipe it from tokenize");
        return tok_reader_open_fd(STDIN_FILENO, "stdin", NULL, 0);
    }
    int fd = open(endpoint, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        die_errno("%s", endpoint);
    return tok_reader_open_fd(fd, endpoint, NULL, 0);
}

static void check_record(struct tok_reader *r, const struct tokens_record *record)
{
    if (tokens_record_check(record) != TOKENS_OK)
        bad(r, r->offset, tokens_strerror(TOKENS_ERECORD));
    if (r->open_domain >= 0 && (record->domain != r->open_domain || record->document_hash != r->open_hash))
        bad(r, r->offset, "a document that goes on is followed by something else");
}

/* Checks that every token is below vocab_size and that the padding is zero. */
static void check_tokens(const struct tok_reader *r, const struct tok_record_view *v)
{
    uint32_t top = 0;
    if (r->header.token_width == 2) {
        const uint16_t *t = v->tokens;
        for (uint32_t i = 0; i < v->n_tokens; i++)
            top = t[i] > top ? t[i] : top;
        if (v->n_tokens % 2 && t[v->n_tokens] != 0)
            bad(r, r->offset, "padding of a token record is not zero");
    } else {
        const uint32_t *t = v->tokens;
        for (uint32_t i = 0; i < v->n_tokens; i++)
            top = t[i] > top ? t[i] : top;
    }
    if (v->n_tokens > 0 && top >= r->header.vocab_size)
        bad(r, r->offset, "a token of this record is not below vocab_size");
}

/* Checks the end record, which was read at r->offset. */
static void check_end(struct tok_reader *r, const struct tokens_record *record)
{
    if (record->n_tokens != r->n_documents)
        bad(r, r->offset, "end record: wrong number of documents");
    r->offset += sizeof *record;
    r->finished = true;
    if (r->ring) {
        uint32_t len;
        bool closed;
        if (ring_next(r, &len, &closed))
            bad(r, r->offset, "more after the end record");
    } else {
        r->pos += sizeof *record;
        if (fill(r, 1) != 0)
            bad(r, r->offset, "more after the end record");
    }
}

/* Reads header and payload of the next record; false: stop_signal. */
static bool next_from_ring(struct tok_reader *r, struct tokens_record *record, const unsigned char **payload)
{
    uint32_t len;
    bool closed;
    const unsigned char *p = ring_next(r, &len, &closed);
    if (!p && !closed)
        return false;
    if (!p)
        bad(r, r->offset, "truncated token stream: no end record");
    if (len < sizeof *record)
        bad(r, r->offset, tokens_strerror(TOKENS_ERECORD));
    memcpy(record, p, sizeof *record);
    check_record(r, record);
    size_t want = record->domain == TOKENS_END ? 0 : tokens_payload_bytes(&r->header, record->n_tokens);
    if (len != sizeof *record + want)
        bad(r, r->offset, tokens_strerror(TOKENS_ERECORD));
    *payload = p + sizeof *record;
    return true;
}

static bool next_from_fd(struct tok_reader *r, struct tokens_record *record, const unsigned char **payload)
{
    size_t n = fill(r, sizeof *record);
    if (n < sizeof *record && stop_signal)
        return false;
    if (n < sizeof *record)
        bad(r, r->offset + n, "truncated token stream: no end record");
    memcpy(record, r->buffer + r->pos, sizeof *record);
    check_record(r, record);
    if (record->domain == TOKENS_END)
        return true;
    size_t size = sizeof *record + tokens_payload_bytes(&r->header, record->n_tokens);
    n = fill(r, size);
    if (n < size && stop_signal)
        return false;
    if (n < size)
        bad(r, r->offset + n, "truncated token stream: ends within a record");
    *payload = r->buffer + r->pos + sizeof *record;
    r->pos += size;
    return true;
}

bool tok_reader_next(struct tok_reader *r, struct tok_record_view *v)
{
    struct tokens_record record;
    const unsigned char *payload = NULL;
    if (r->finished || stop_signal)
        return false;
    if (r->ring ? !next_from_ring(r, &record, &payload) : !next_from_fd(r, &record, &payload))
        return false;
    if (record.domain == TOKENS_END) {
        check_end(r, &record);
        return false;
    }
    *v = (struct tok_record_view){.n_tokens = record.n_tokens,
                                  .domain = record.domain,
                                  .flags = record.flags,
                                  .text_bytes = record.text_bytes,
                                  .document_hash = record.document_hash,
                                  .tokens = payload};
    check_tokens(r, v);
    r->offset += sizeof record + tokens_payload_bytes(&r->header, record.n_tokens);
    r->open_domain = record.flags & TOKENS_CONTINUED ? record.domain : -1;
    r->open_hash = record.document_hash;
    if (!(record.flags & TOKENS_CONTINUED))
        r->n_documents++;
    return true;
}

const struct tokens_header *tok_reader_header(const struct tok_reader *r)
{
    return &r->header;
}

uint64_t tok_reader_offset(const struct tok_reader *r)
{
    return r->offset;
}

void tok_reader_close(struct tok_reader *r)
{
    if (!r)
        return;
    ring_in_close(r->ring);
    if (r->fd > STDERR_FILENO)
        close(r->fd);
    free(r->buffer);
    free(r->name);
    free(r);
}
