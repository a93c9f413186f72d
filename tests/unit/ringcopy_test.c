/*
 * ringcopy_test - a writer that changes a record after the reader has checked it changes nothing for the
 * reader
 *
 * The writer is another process. It commits a record of batches, or of tokens, waits until the reader has it,
 * writes over it in shared memory, and tells the reader to look again.
 */
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

#include "formats/batch.h"
#include "formats/tokens.h"
#include "pipeline/lib/log.h"
#include "pipeline/stream/batchstream.h"
#include "pipeline/stream/ringend.h"
#include "pipeline/stream/tokstream.h"
#include "tests/check.h"

enum { TOKENS = 64 };

static int to_writer[2], to_reader[2];

static void tell(const int *pipe_ends)
{
    CHECK(write(pipe_ends[1], "x", 1) == 1, "pipe");
}

static void wait_for(const int *pipe_ends)
{
    char c;
    CHECK(read(pipe_ends[0], &c, 1) == 1, "the other side is gone");
}

/* Runs write_one in a process of its own. */
static pid_t start_writer(void (*write_one)(const char *), const char *endpoint)
{
    CHECK(pipe(to_writer) == 0 && pipe(to_reader) == 0, "pipe");
    pid_t pid = fork();
    CHECK(pid >= 0, "fork");
    if (pid == 0) {
        write_one(endpoint);
        _exit(0);
    }
    return pid;
}

static void end_writer(pid_t pid)
{
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0, "the writer failed");
    for (int i = 0; i < 2; i++) {
        close(to_writer[i]);
        close(to_reader[i]);
    }
}

/* The reader has its record: it is overwritten. */
static void overwrite(void *record, size_t n)
{
    wait_for(to_writer);
    memset(record, 0xff, n);
    tell(to_reader);
    wait_for(to_writer); /* keeps the ring until the reader has looked */
}

static void write_batch(const char *endpoint)
{
    struct batch_header h = {.B = 2, .T = 31, .vocab_size = 100, .n_sources = 1, .eos_id = 0};
    batch_header_seal(&h);
    struct batch_writer *w = batch_writer_open(endpoint, &h);
    void *record = batch_writer_claim(w);
    memset(record, 0, batch_record_bytes(&h));
    batch_writer_commit(w, 0);
    overwrite(record, batch_record_bytes(&h));
    _exit(0);
}

static void batch_stays(void)
{
    char endpoint[64];
    const struct batch_record *record;
    snprintf(endpoint, sizeof endpoint, "ring:copy-%d", (int)getpid());
    pid_t writer = start_writer(write_batch, endpoint);
    struct batch_reader *r = batch_reader_open(endpoint);
    CHECK(batch_reader_next(r, &record) == 1, "no record");
    uint64_t hash = batch_payload_hash(batch_reader_header(r), record);
    CHECK(hash == record->payload_hash, "the record is damaged before anything was done to it");
    tell(to_writer);
    wait_for(to_reader);
    CHECK(batch_payload_hash(batch_reader_header(r), record) == hash, "the record changed after its check");
    tell(to_writer);
    batch_reader_close(r);
    end_writer(writer);
}

static void write_tokens(const char *endpoint)
{
    struct tokens_header h;
    uint32_t width = 2, payload = TOKENS * width;
    unsigned char *p;
    tokens_header_init(&h, 100, 1, UINT32_MAX, 0);
    struct ring_out *o = ring_out_open(endpoint, 1 << 16);
    p = ring_out_claim(o, sizeof h);
    memcpy(p, &h, sizeof h);
    ring_out_commit(o);
    struct tokens_record record = {.n_tokens = TOKENS, .domain = DOMAIN_MATH};
    p = ring_out_claim(o, (uint32_t)sizeof record + payload);
    memcpy(p, &record, sizeof record);
    for (uint32_t i = 0; i < TOKENS; i++)
        memcpy(p + sizeof record + width * i, &(uint16_t){7}, width);
    ring_out_commit(o);
    overwrite(p, sizeof record + payload);
    _exit(0);
}

static void tokens_stay(void)
{
    char endpoint[64];
    struct tok_record_view v;
    snprintf(endpoint, sizeof endpoint, "ring:copytok-%d", (int)getpid());
    pid_t writer = start_writer(write_tokens, endpoint);
    struct tok_reader *r = tok_reader_open(endpoint);
    CHECK(tok_reader_next(r, &v), "no record");
    tell(to_writer);
    wait_for(to_reader);
    for (size_t i = 0; i < v.n_tokens; i++)
        CHECK(tok_at(tok_reader_header(r), &v, i) == 7, "token %zu changed after its check", i);
    tell(to_writer);
    tok_reader_close(r);
    end_writer(writer);
}

int main(void)
{
    test_begin(30);
    batch_stays();
    tokens_stay();
    return 0;
}
