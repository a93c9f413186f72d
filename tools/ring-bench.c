/*
 * ring-bench - speed of the shared-memory ring between two processes
 *
 * stdout: three lines: small records, bulk, latency of a hop; each beside what
 * bounds it or competes with it, measured in the same run: memcpy, a pipe, a
 * bare cache line passed to and fro.
 */
#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "shm/ring.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static double seconds = 0.5;
static uint64_t small_bytes = 8, bulk_bytes = 256 << 10, capacity = 4 << 20;

static const struct opt opts[] = {
    {'s', "seconds", OPT_NUM, &seconds, "S", "time for each figure (0.5)"},
    {0, "small", OPT_BYTES, &small_bytes, "BYTES", "size of a small record (8)"},
    {0, "bulk", OPT_BYTES, &bulk_bytes, "BYTES", "size of a bulk record (256KiB)"},
    {0, "capacity", OPT_BYTES, &capacity, "BYTES", "of the ring, a power of two (4MiB)"},
    {0},
};

static const struct cli cli = {
    "ring-bench",
    "speed of the shared-memory ring between two processes",
    "ring-bench [-s S]",
    opts,
    "Goals: 25 M small records/s, 10 GB/s bulk, 100 ns a hop, with a core for each side.\n",
};

static void ok(int rc, const char *what)
{
    if (rc != RING_OK)
        die("%s: %s", what, ring_strerror(rc));
}

static void *claim(struct ring *r, uint32_t len)
{
    void *p;
    while (!(p = ring_claim(r, len)))
        ok(ring_wait_space(r, len, 10000), "claim");
    return p;
}

static const void *peek(struct ring *r, uint32_t *len)
{
    const void *p;
    int rc;
    while (!(p = ring_peek(r, len)))
        if ((rc = ring_wait_data(r, 10000)) == RING_ECLOSED)
            return NULL;
        else
            ok(rc, "peek");
    return p;
}

static const char *ring_name(const char *what)
{
    static char name[64];
    snprintf(name, sizeof name, "bench.%d.%s", (int)getpid(), what);
    return name;
}

/* To the nth of the CPUs we may use, round and round: left to itself, the scheduler may put both sides on
 * one. */
static void pin(const cpu_set_t *may, int nth)
{
    cpu_set_t one;
    nth %= CPU_COUNT(may);
    for (int c = 0; c < CPU_SETSIZE; c++)
        if (CPU_ISSET(c, may) && nth-- == 0) {
            CPU_ZERO(&one);
            CPU_SET(c, &one);
            sched_setaffinity(0, sizeof one, &one); /* refused: then not pinned */
            return;
        }
}

static cpu_set_t cpus;

static pid_t spawn(void)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0)
        die_errno("fork");
    pin(&cpus, pid == 0);
    return pid;
}

static void reap(pid_t pid)
{
    int status;
    if (waitpid(pid, &status, 0) != pid || status != 0)
        die("the other process failed");
}

/* Copies `bytes` in and out for a while. Returns records a second, counted at the producer until the ring has
 * drained. */
static double stream(uint32_t bytes)
{
    const char *name = ring_name("stream");
    struct ring *r;
    char *buf = xcalloc(1, bytes + 8);
    pid_t child = spawn();
    if (child == 0) {
        uint32_t len;
        ok(ring_open(&r, name, 10000), "open");
        for (const void *p; (p = peek(r, &len)); ring_release(r))
            memcpy(buf, p, len);
        ring_close(r);
        _exit(0);
    }
    ok(ring_create(&r, name, capacity), "create");
    ok(ring_wait_reader(r, 10000), "wait");
    uint64_t n = 0;
    double start = now_seconds(), end = start + seconds;
    while (n % 256 || now_seconds() < end) {
        memcpy(claim(r, bytes), buf, bytes);
        ring_commit(r);
        n++;
        if (bytes > 4096 && now_seconds() >= end)
            break;
    }
    ring_close(r);
    reap(child);
    double took = now_seconds() - start;
    free(buf);
    return (double)n / took;
}

/* Sends as many bytes through a pipe. */
static double pipe_stream(size_t bytes)
{
    int fd[2];
    char *buf = xcalloc(1, bytes);
    if (pipe(fd))
        die_errno("pipe");
    pid_t child = spawn();
    if (child == 0) {
        close(fd[1]);
        while (read(fd[0], buf, bytes) > 0)
            ;
        _exit(0);
    }
    close(fd[0]);
    uint64_t n = 0;
    double start = now_seconds(), end = start + seconds;
    for (; now_seconds() < end; n++)
        write_all(fd[1], buf, bytes, "pipe");
    close(fd[1]);
    reap(child);
    double took = now_seconds() - start;
    free(buf);
    return (double)n / took;
}

/* Copies a second, over as much memory as the ring has. */
static double memcpy_rate(size_t bytes)
{
    size_t slots = capacity / bytes > 0 ? capacity / bytes : 1;
    char *from = xcalloc(1, bytes), *to = xcalloc(slots, bytes);
    memset(to, 1, slots * bytes);
    uint64_t n = 0;
    double start = now_seconds(), end = start + seconds / 2;
    for (; now_seconds() < end; n++) {
        memcpy(to + n % slots * bytes, from, bytes);
        __asm__ volatile("" ::"r"(to) : "memory");
    }
    double took = now_seconds() - start;
    free(from);
    free(to);
    return (double)n / took;
}

/* Seconds for one way from process to process and back, halved. */
static double hop(void)
{
    char there[64];
    const char *name = ring_name("there");
    snprintf(there, sizeof there, "%s", name);
    const char *back = ring_name("back");
    struct ring *out, *in;
    uint32_t len;
    pid_t child = spawn();
    if (child == 0) {
        ok(ring_create(&out, back, 4096), "create");
        ok(ring_open(&in, there, 10000), "open");
        for (const void *p; (p = peek(in, &len));) {
            memcpy(claim(out, 8), p, 8);
            ring_commit(out);
            ring_release(in);
        }
        ring_close(in);
        ring_close(out);
        _exit(0);
    }
    ok(ring_create(&out, there, 4096), "create");
    ok(ring_open(&in, back, 10000), "open");
    uint64_t n = 0, sent, got;
    double start = now_seconds(), end = start + seconds;
    while (n % 64 || now_seconds() < end) {
        sent = n++;
        memcpy(claim(out, 8), &sent, 8);
        ring_commit(out);
        const void *p = peek(in, &len);
        if (!p || len != 8 || (memcpy(&got, p, 8), got != sent))
            die("hop: a wrong answer came back");
        ring_release(in);
    }
    double took = now_seconds() - start;
    ring_close(out);
    reap(child);
    ring_close(in);
    return took / (double)n / 2;
}

/* The least it could take: one cache line each way, and nothing else. */
static double line_hop(void)
{
    struct lines {
        _Alignas(128) _Atomic uint64_t there;
        _Alignas(128) _Atomic uint64_t back;
    } *l = mmap(NULL, sizeof *l, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (l == MAP_FAILED)
        die_errno("mmap");
    pid_t child = spawn();
    if (child == 0) {
        for (uint64_t v, last = 0; (v = l->there) != UINT64_MAX;)
            if (v != last)
                l->back = last = v;
        _exit(0);
    }
    uint64_t n = 0;
    double start = now_seconds(), end = start + seconds;
    while (n % 64 || now_seconds() < end) {
        l->there = ++n;
        while (l->back != n)
            ;
    }
    double took = now_seconds() - start;
    l->there = UINT64_MAX;
    reap(child);
    munmap(l, sizeof *l);
    return took / (double)n / 2;
}

int main(int argc, char **argv)
{
    if (cli_parse(&cli, argc, argv) > 0)
        usage_error("no operands expected");
    if (!(seconds > 0 && seconds <= 60))
        usage_error("--seconds: more than 0, at most 60");
    if (capacity < 4096 || (capacity & (capacity - 1)) || capacity > (uint64_t)1 << 34)
        usage_error("--capacity: a power of two, 4096 to 16 GiB");
    if (bulk_bytes == 0 || small_bytes > capacity / 2 - 8 || bulk_bytes > capacity / 2 - 8)
        usage_error("--small, --bulk: at most half the capacity");
    if (sched_getaffinity(0, sizeof cpus, &cpus) || CPU_COUNT(&cpus) == 0)
        die_errno("sched_getaffinity");
    if (CPU_COUNT(&cpus) < 2)
        warn("one CPU only: both sides share it");

    double small = stream((uint32_t)small_bytes), pipe_small = pipe_stream(small_bytes ? small_bytes : 1);
    printf("ring small records  %8.2f M/s    %llu bytes each; pipe %.2f M/s\n", small / 1e6,
           (unsigned long long)small_bytes, pipe_small / 1e6);
    double bulk = stream((uint32_t)bulk_bytes) * (double)bulk_bytes;
    double pipe_bulk = pipe_stream(bulk_bytes) * (double)bulk_bytes,
           copy = memcpy_rate(bulk_bytes) * (double)bulk_bytes;
    printf("ring bulk           %8.2f GB/s   copied in and out; memcpy %.2f GB/s, pipe %.2f GB/s\n",
           bulk / 1e9, copy / 1e9, pipe_bulk / 1e9);
    double ring_s = hop(), line_s = line_hop();
    printf("ring hop            %8.0f ns     one way; a bare cache line %.0f ns\n", ring_s * 1e9,
           line_s * 1e9);
    close_stdout();
    return 0;
}
