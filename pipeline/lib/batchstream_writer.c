/*
 * batchstream_writer.c - batches out: pipe, file or ring
 *
 * A ring's records are filled in place. The end record is what makes a stream
 * whole, so nothing but a clean close writes it.
 */
#include "pipeline/lib/batchstream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "shm/ring.h"

enum {
    WAIT_MS = 200,                  /* how often a wait looks at stop_signal */
    RING_RECORDS = 5,               /* four, and one for what a wrap may waste */
    RING_OVERHEAD = 64,             /* of a record in the ring; guess, generous */
};

struct batch_writer {
    char *name;
    struct batch_header header;
    struct ring *ring;              /* or fd, which may be commit's */
    struct commit commit;
    int fd;
    void *record;                   /* claimed: in the ring, or the buffer */
    size_t record_bytes;
    double stall;
    bool reader_gone;
};

static uint64_t power_of_two(uint64_t n)
{
    uint64_t p = 4096;
    while (p < n)
        p *= 2;
    return p;
}

static void *ring_claim_wait(struct batch_writer *w, uint32_t len)
{
    void *p = ring_claim(w->ring, len);
    if (p)
        return p;
    double began = now_seconds();
    while (!stop_signal && !w->reader_gone && !(p = ring_claim(w->ring, len))) {
        int rc = ring_wait_space(w->ring, len, WAIT_MS);
        if (rc == RING_ECLOSED)
            w->reader_gone = true;
        else if (rc != RING_OK && rc != RING_ETIMEDOUT && !(rc == RING_ESYS && errno == EINTR))
            die("%s: %s", w->name, rc == RING_EPEERDEAD ? "the reader died" : ring_strerror(rc));
    }
    w->stall += now_seconds() - began;
    return p;
}

static void open_ring(struct batch_writer *w, const char *name)
{
    uint64_t need = RING_RECORDS * (w->record_bytes + RING_OVERHEAD) + sizeof w->header + RING_OVERHEAD;
    int rc = ring_create(&w->ring, name, power_of_two(need));
    if (rc == RING_ESYS)
        die_errno("%s", w->name);
    if (rc != RING_OK)
        die("%s: %s", w->name, ring_strerror(rc));
    void *p = ring_claim_wait(w, sizeof w->header);
    if (!p)
        return;
    memcpy(p, &w->header, sizeof w->header);
    ring_commit(w->ring);
}

/* A path that is something else than a regular file (a FIFO, /dev/null) is written to, not replaced. */
static void open_path(struct batch_writer *w, const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        w->fd = open(path, O_WRONLY | O_CLOEXEC);
        if (w->fd < 0)
            die_errno("%s", path);
        return;
    }
    commit_open(&w->commit, path);
    w->fd = fileno(w->commit.f);
}

struct batch_writer *batch_writer_open(const char *endpoint, const struct batch_header *h)
{
    struct batch_writer *w = xcalloc(1, sizeof *w);
    w->name = xstrdup(strcmp(endpoint, "-") == 0 ? "stdout" : endpoint);
    w->header = *h;
    w->record_bytes = batch_record_bytes(h);
    w->fd = -1;
    if (strncmp(endpoint, "ring:", 5) == 0) {
        open_ring(w, endpoint + 5);
        return w;
    }
    if (strcmp(endpoint, "-") == 0)
        w->fd = STDOUT_FILENO;
    else
        open_path(w, endpoint);
    if (isatty(w->fd))
        usage_error("batches are binary: send them to a program or a file, or use -o");
    fcntl(w->fd, F_SETPIPE_SZ, 1 << 20);    /* fewer switches; not a pipe, or not allowed: as well */
    w->record = xmalloc(w->record_bytes);
    write_all(w->fd, h, sizeof *h, w->name);
    return w;
}

void *batch_writer_claim(struct batch_writer *w)
{
    if (stop_signal)
        return NULL;
    if (w->ring)
        w->record = ring_claim_wait(w, (uint32_t)w->record_bytes);
    return w->record;
}

static void hand_on(struct batch_writer *w)
{
    if (w->ring) {
        ring_commit(w->ring);
        return;
    }
    double began = now_seconds();
    write_all(w->fd, w->record, w->record_bytes, w->name);
    w->stall += now_seconds() - began;
}

void batch_writer_commit(struct batch_writer *w, uint64_t step)
{
    struct batch_record *r = w->record;
    const struct batch_header *h = &w->header;
    char *end = (char *)batch_tokens(h, r) + (size_t)h->B * ((size_t)h->T + 1) * h->token_width;
    memset(end, 0, w->record_bytes - (size_t)(end - (char *)r));
    r->step = step;
    r->payload_hash = batch_payload_hash(h, r);
    hand_on(w);
}

bool batch_writer_reader_gone(const struct batch_writer *w)
{
    return w->reader_gone;
}

double batch_writer_stall_seconds(const struct batch_writer *w)
{
    return w->stall;
}

/* What is in a ring that nobody has opened yet would go with its name. */
static void wait_reader(struct batch_writer *w)
{
    int rc = RING_ETIMEDOUT;
    while (!stop_signal && (rc == RING_ETIMEDOUT || (rc == RING_ESYS && errno == EINTR)))
        rc = ring_wait_reader(w->ring, WAIT_MS);
}

void batch_writer_close(struct batch_writer *w, bool whole)
{
    if (whole && batch_writer_claim(w)) {
        memset(w->record, 0, w->record_bytes);
        ((struct batch_record *)w->record)->step = BATCH_END;
        hand_on(w);
    }
    if (w->ring) {
        if (whole)
            wait_reader(w);
        ring_close(w->ring);
    } else {
        free(w->record);
        if (w->commit.f && whole)
            commit_finish(&w->commit);
        else if (w->commit.f)
            commit_abort(&w->commit);
        else if (close(w->fd) != 0)
            die_errno("%s: cannot write", w->name);
    }
    free(w->name);
    free(w);
}
