/*
 * batchstream_writer.c - writes batches to a pipe, file or ring
 *
 * A ring's records are filled in place. The end record marks a stream as complete, so only a clean close
 * writes it.
 */
#include "pipeline/stream/batchstream.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/lib/apart.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/stream/ringend.h"

enum {
    RING_RECORDS = 5,   /* four, and one more for the padding at the end of the ring */
    RING_OVERHEAD = 64, /* extra bytes that a record takes in the ring; a generous guess */
};

struct batch_writer {
    char *name;
    struct batch_header header;
    struct ring_out *ring; /* NULL: fd is used, which may belong to commit */
    struct commit commit;
    int fd;
    void *record; /* the claimed record: in the ring, or the buffer */
    size_t record_bytes;
    double stall;
};

static uint64_t power_of_two(uint64_t n)
{
    uint64_t p = 4096;
    while (p < n)
        p *= 2;
    return p;
}

static void *ring_claim_timed(struct batch_writer *w, size_t n)
{
    double began = now_seconds();
    void *p = ring_out_claim(w->ring, (uint32_t)n);
    w->stall += now_seconds() - began;
    return p;
}

static void open_ring(struct batch_writer *w, const char *endpoint)
{
    uint64_t need = RING_RECORDS * (w->record_bytes + RING_OVERHEAD) + sizeof w->header + RING_OVERHEAD;
    w->ring = ring_out_open(endpoint, power_of_two(need));
    void *p = ring_claim_timed(w, sizeof w->header);
    if (!p)
        return;
    memcpy(p, &w->header, sizeof w->header);
    ring_out_commit(w->ring);
}

static void open_path(struct batch_writer *w, const char *path)
{
    if (is_device(path)) {
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
    if (is_ring(endpoint)) {
        open_ring(w, endpoint);
        return w;
    }
    apart_output(endpoint);
    if (strcmp(endpoint, "-") == 0)
        w->fd = STDOUT_FILENO;
    else
        open_path(w, endpoint);
    if (isatty(w->fd))
        usage_error("batches are binary: send them to a program or a file, or use -o");
    fcntl(w->fd, F_SETPIPE_SZ, 1 << 20); /* fewer switches; failing is harmless: not a pipe, or not allowed */
    w->record = xmalloc(w->record_bytes);
    write_all(w->fd, h, sizeof *h, w->name);
    return w;
}

void *batch_writer_claim(struct batch_writer *w)
{
    if (stop_signal)
        return NULL;
    if (w->ring)
        w->record = ring_claim_timed(w, w->record_bytes);
    return w->record;
}

static void hand_on(struct batch_writer *w)
{
    if (w->ring) {
        ring_out_commit(w->ring);
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

double batch_writer_stall_seconds(const struct batch_writer *w)
{
    return w->stall;
}

void batch_writer_close(struct batch_writer *w, bool whole)
{
    if (whole && !batch_writer_claim(w))
        whole = false; /* a signal came after the last record */
    if (whole) {
        memset(w->record, 0, w->record_bytes);
        ((struct batch_record *)w->record)->step = BATCH_END;
        hand_on(w);
    }
    if (w->ring) {
        ring_out_close(w->ring, whole);
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
