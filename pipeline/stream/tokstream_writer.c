/*
 * tokstream_writer.c - writes token streams to a pipe, file or ring
 *
 * Pipes and files are written through one buffer; a ring receives each record directly. The end record marks
 * a stream as complete, so only a clean close writes it.
 */
#include "pipeline/stream/tokstream.h"

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
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
    BUFFER_BYTES = 256 << 10,
    RING_BYTES = 16 << 20, /* three of the largest records */
};

struct tok_writer {
    char *name;
    struct tokens_header header;
    struct ring_out *ring; /* exactly one of ring, commit.f and fd is in use */
    struct commit commit;
    int fd;
    uint32_t n_documents;
    size_t fill;
    unsigned char buffer[BUFFER_BYTES];
};

/* Ends the process as a broken pipe would, for a ring whose reader has closed. */
static _Noreturn void end_quietly(struct tok_writer *w)
{
    ring_out_close(w->ring, false);
    signal(SIGPIPE, SIG_DFL);
    raise(SIGPIPE);
    exit(1); /* reached when SIGPIPE is blocked */
}

/* Returns NULL on stop_signal. */
static unsigned char *claim(struct tok_writer *w, size_t n)
{
    void *p = ring_out_claim(w->ring, (uint32_t)n);
    if (!p && ring_out_reader_gone(w->ring))
        end_quietly(w);
    return p;
}

void tok_writer_flush(struct tok_writer *w)
{
    if (w->ring || w->fill == 0)
        return;
    if (w->commit.f) {
        if (fwrite(w->buffer, 1, w->fill, w->commit.f) != w->fill)
            die_errno("%s: write", w->name);
    } else {
        write_all(w->fd, w->buffer, w->fill, w->name);
    }
    w->fill = 0;
}

static void put_bytes(struct tok_writer *w, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    while (n > 0) {
        size_t k = BUFFER_BYTES - w->fill < n ? BUFFER_BYTES - w->fill : n;
        memcpy(w->buffer + w->fill, p, k);
        w->fill += k;
        p += k;
        n -= k;
        if (w->fill == BUFFER_BYTES)
            tok_writer_flush(w);
    }
}

static void put_small(struct tok_writer *w, const void *bytes, uint32_t n)
{
    if (!w->ring) {
        put_bytes(w, bytes, n);
        return;
    }
    unsigned char *p = claim(w, n);
    if (p) {
        memcpy(p, bytes, n);
        ring_out_commit(w->ring);
    }
}

struct tok_writer *tok_writer_open(const char *endpoint, const struct tokens_header *h)
{
    struct tok_writer *w = xcalloc(1, sizeof *w);
    w->name = xstrdup(strcmp(endpoint, "-") == 0 ? "stdout" : endpoint);
    w->header = *h;
    w->fd = -1;
    if (strcmp(endpoint, "-") == 0) {
        if (isatty(STDOUT_FILENO))
            usage_error("a token stream is binary: send stdout to a program or a file, or use -o");
        w->fd = STDOUT_FILENO;
        apart_output(endpoint);
    } else if (is_ring(endpoint)) {
        w->ring = ring_out_open(endpoint, RING_BYTES);
    } else if (is_device(endpoint)) { /* a device is written to, not replaced */
        if ((w->fd = open(endpoint, O_WRONLY | O_CLOEXEC)) < 0)
            die_errno("%s", endpoint);
    } else {
        commit_open(&w->commit, endpoint);
    }
    put_small(w, &w->header, sizeof w->header);
    tok_writer_flush(w); /* from now on a reader can tell a truncated stream from an absent one */
    return w;
}

static void pack(unsigned char *out, const uint32_t *ids, size_t n, uint32_t width)
{
    if (width == 4) {
        memcpy(out, ids, n * 4);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        uint16_t id = (uint16_t)ids[i];
        memcpy(out + 2 * i, &id, 2);
    }
    if (n % 2)
        memset(out + 2 * n, 0, 2);
}

/* To the record in the ring, of which *at is the next byte, or to the buffer. */
static void append(struct tok_writer *w, unsigned char **at, const void *bytes, size_t n)
{
    if (!w->ring) {
        put_bytes(w, bytes, n);
        return;
    }
    ring_copy(*at, bytes, n);
    *at += n;
}

void tok_writer_put(struct tok_writer *w, int domain, uint64_t hash, const uint32_t *ids, size_t n,
                    uint64_t text_bytes, bool more)
{
    struct tokens_record record = {.n_tokens = (uint32_t)n,
                                   .domain = (uint8_t)domain,
                                   .text_bytes = text_bytes,
                                   .document_hash = hash,
                                   .flags = more ? TOKENS_CONTINUED : 0};
    assert(domain != TOKENS_END && tokens_record_check(&record) == TOKENS_OK);
    if (!more)
        w->n_documents++;
    unsigned char *at = NULL;
    if (w->ring && !(at = claim(w, sizeof record + tokens_payload_bytes(&w->header, record.n_tokens))))
        return;
    append(w, &at, &record, sizeof record);
    while (n >
           0) { /* all parts but the last have an even number of tokens, so that only the last is padded */
        unsigned char packed[4096];
        size_t k = n < 1024 ? n : 1024;
        pack(packed, ids, k, w->header.token_width);
        append(w, &at, packed, tokens_payload_bytes(&w->header, (uint32_t)k));
        ids += k;
        n -= k;
    }
    if (w->ring)
        ring_out_commit(w->ring);
}

void tok_writer_close(struct tok_writer *w, bool whole)
{
    if (whole) {
        struct tokens_record end = {.n_tokens = w->n_documents, .domain = TOKENS_END};
        put_small(w, &end, sizeof end);
    }
    tok_writer_flush(w);
    if (w->ring) {
        ring_out_close(w->ring, whole);
    } else if (w->commit.f && whole) {
        commit_finish(&w->commit);
    } else if (w->commit.f) {
        commit_abort(&w->commit);
    } else if (w->fd > STDERR_FILENO && close(w->fd) != 0) {
        die_errno("%s: cannot write", w->name);
    }
    free(w->name);
    free(w);
}
