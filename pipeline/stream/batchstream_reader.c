/*
 * batchstream_reader.c - reads batches from a pipe, file or ring, and checks every byte
 *
 * From a descriptor a record is read into `buffer`. From a ring the result points into the copy of the record
 * that ringend.c makes.
 */
#include "pipeline/stream/batchstream.h"

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

struct batch_reader {
    char *name;
    struct batch_header header;
    struct ring_in *ring; /* NULL: fd is used */
    int fd;
    void *buffer;
    size_t record_bytes;
    uint64_t offset; /* where the next record begins in the stream */
    uint64_t step;   /* the step that the next record must have */
    double stall;
    bool finished;
};

static _Noreturn void bad(const struct batch_reader *r, const char *reason)
{
    die("%s: step %llu, offset %llu: %s", r->name, (unsigned long long)r->step, (unsigned long long)r->offset,
        reason);
}

/* Reads n bytes, or fewer when the stream ends or stop_signal is set; returns how many. */
static size_t read_some(struct batch_reader *r, void *p, size_t n)
{
    size_t got = 0;
    while (got < n && !stop_signal) {
        ssize_t k = read(r->fd, (char *)p + got, n - got);
        if (k < 0 && errno != EINTR)
            die_errno("%s: offset %llu: read", r->name, (unsigned long long)(r->offset + got));
        if (k == 0)
            break;
        got += k > 0 ? (size_t)k : 0;
    }
    return got;
}

/* Returns the ring's next record; NULL: stop_signal, or *closed. */
static const void *ring_next(struct batch_reader *r, uint32_t *len, bool *closed)
{
    int why;
    const void *p = ring_in_next(r->ring, len, &why);
    *closed = why == RING_ECLOSED;
    if (!p && why != RING_OK && !*closed)
        bad(r, ring_in_strerror(why));
    return p;
}

static void check_header(struct batch_reader *r, const void *bytes, size_t n)
{
    if (n < sizeof r->header && stop_signal)
        exit(signal_exit_code());
    if (n > 0 && memcmp(bytes, BATCH_MAGIC, n < 8 ? n : 8) != 0)
        die("%s: offset 0: %s", r->name, batch_strerror(BATCH_EMAGIC));
    if (n < sizeof r->header)
        die("%s: offset %zu: %s", r->name, n,
            n == 0 ? "empty: no batch stream" : "truncated batch stream: ends within the header");
    memcpy(&r->header, bytes, sizeof r->header);
    int rc = batch_header_check(&r->header);
    if (rc != BATCH_OK)
        die("%s: offset 0: %s", r->name, batch_strerror(rc));
    r->offset = sizeof r->header;
    r->record_bytes = batch_record_bytes(&r->header);
    r->step = r->header.first_step;
}

static void open_ring(struct batch_reader *r)
{
    uint32_t len = 0;
    bool closed;
    r->ring = ring_in_open(r->name);
    const void *p = ring_next(r, &len, &closed);
    check_header(r, p, p ? len : 0);
    if (len != sizeof r->header)
        die("%s: offset 0: the first record of the ring is not a batch stream header", r->name);
}

static void open_fd(struct batch_reader *r, int fd)
{
    struct batch_header h;
    r->fd = fd;
    size_t n = read_some(r, &h, sizeof h);
    check_header(r, &h, n);
    fcntl(fd, F_SETPIPE_SZ, 1 << 20); /* fewer switches; failing is harmless: not a pipe, or not allowed */
    r->buffer = xmalloc(r->record_bytes);
}

struct batch_reader *batch_reader_open(const char *endpoint)
{
    struct batch_reader *r = xcalloc(1, sizeof *r);
    bool is_stdin = strcmp(endpoint, "-") == 0;
    r->name = xstrdup(is_stdin ? "stdin" : endpoint);
    r->fd = -1;
    if (is_ring(endpoint)) {
        open_ring(r);
        return r;
    }
    apart_input(endpoint);
    if (is_stdin && isatty(STDIN_FILENO))
        usage_error("stdin is a terminal: batches are binary, pipe them from mix");
    int fd = is_stdin ? STDIN_FILENO : open(endpoint, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        die_errno("%s", endpoint);
    open_fd(r, fd);
    return r;
}

const struct batch_header *batch_reader_header(const struct batch_reader *r)
{
    return &r->header;
}

/* Returns the next record_bytes bytes; NULL: stop_signal. */
static const void *next_bytes(struct batch_reader *r)
{
    if (r->ring) {
        uint32_t len;
        bool closed;
        const void *p = ring_next(r, &len, &closed);
        if (!p && !closed)
            return NULL;
        if (!p)
            bad(r, "the stream is cut: no end record");
        if (len != r->record_bytes || (uintptr_t)p % 8 != 0)
            bad(r, "record of a wrong size");
        return p;
    }
    size_t n = read_some(r, r->buffer, r->record_bytes);
    if (n < r->record_bytes && stop_signal)
        return NULL;
    if (n < r->record_bytes) {
        r->offset += n;
        bad(r, n == 0 ? "the stream is cut: no end record" : "the stream is cut within a record");
    }
    return r->buffer;
}

static bool all_zero(const void *p, size_t n)
{
    const unsigned char *s = p;
    return n == 0 || (s[0] == 0 && memcmp(s, s + 1, n - 1) == 0);
}

static void check_tokens(const struct batch_reader *r, const void *record)
{
    const struct batch_header *h = &r->header;
    size_t n = (size_t)h->B * ((size_t)h->T + 1);
    const void *tokens = batch_tokens(h, record);
    uint32_t max = 0;
    if (h->token_width == 2)
        for (size_t i = 0; i < n; i++)
            max = ((const uint16_t *)tokens)[i] > max ? ((const uint16_t *)tokens)[i] : max;
    else
        for (size_t i = 0; i < n; i++)
            max = ((const uint32_t *)tokens)[i] > max ? ((const uint32_t *)tokens)[i] : max;
    if (max >= h->vocab_size)
        bad(r, "a token is outside the vocabulary");
    const char *end = (const char *)tokens + n * h->token_width;
    if (!all_zero(end, r->record_bytes - (size_t)(end - (const char *)record)))
        bad(r, "padding is not zero");
}

static void check_record(const struct batch_reader *r, const struct batch_record *record)
{
    if (record->step != r->step)
        bad(r, "record of another step");
    if (record->payload_hash != batch_payload_hash(&r->header, record))
        bad(r, "record is damaged (checksum)");
    const struct batch_row *rows = batch_rows(record);
    for (uint32_t i = 0; i < r->header.B; i++)
        if (rows[i].source >= r->header.n_sources || rows[i].reserved != 0)
            bad(r, "row of an impossible source");
    check_tokens(r, record);
}

int batch_reader_next(struct batch_reader *r, const struct batch_record **record)
{
    if (r->finished || stop_signal)
        return 0;
    double began = now_seconds();
    const struct batch_record *p = next_bytes(r);
    r->stall += now_seconds() - began;
    if (!p)
        return 0;
    if (p->step == BATCH_END) {
        if (!all_zero((const char *)p + 8, r->record_bytes - 8))
            bad(r, "end record is not empty");
        r->finished = true;
        return 0;
    }
    check_record(r, p);
    r->step++;
    r->offset += r->record_bytes;
    *record = p;
    return 1;
}

/* The writer of a ring notices when the reader closes it, but the writer of a pipe would be killed by its
 * next write. */
void batch_reader_finish(struct batch_reader *r)
{
    if (r->ring || r->finished || stop_signal)
        return;
    size_t n = read_some(r, r->buffer, r->record_bytes);
    r->finished = true;
    if (n < r->record_bytes && !stop_signal)
        warn("%s: step %llu, offset %llu: the stream is cut: no end record; every record that was wanted "
             "came before",
             r->name, (unsigned long long)r->step, (unsigned long long)(r->offset + n));
}

double batch_reader_stall_seconds(const struct batch_reader *r)
{
    return r->stall;
}

void batch_reader_close(struct batch_reader *r)
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
