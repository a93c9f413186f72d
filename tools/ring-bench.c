/*
 * ring-bench - speed of the shared-memory ring between two processes
 *
 * stdout: three lines: small records, bulk, latency of a hop; each beside what
 * bounds it or competes with it, measured in the same run: memcpy, a pipe, a
 * bare cache line passed to and fro. Each figure is the median of many short laps, so that it is that of
 * two sides that both run: a lap in which another program had a side's processor is one of few.
 */
#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "shm/ring.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
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
    if (pid == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a side that looks for ever must not stay behind alone */
    pin(&cpus, pid == 0);
    return pid;
}

static void reap(pid_t pid)
{
    int status;
    if (waitpid(pid, &status, 0) != pid || status != 0)
        die("the other process failed");
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct work { /* one lap is `times` times `once` */
    void (*once)(struct work *);
    unsigned times;
    struct ring *out, *in;
    int fd;
    struct lines *lines;
    uint32_t bytes;
    char *from, *to; /* `to` has `room` bytes, which laps go through */
    size_t at, room;
    uint64_t n;
};

/* Runs laps for a while. Returns the seconds that one `once` took in the median lap. */
static double laps(struct work *w)
{
    size_t n = 0, cap = 0;
    double *took = NULL, start = now_seconds(), last = start;
    do {
        for (unsigned i = 0; i < w->times; i++)
            w->once(w);
        if (n == cap)
            took = xrealloc(took, (cap = 2 * cap + 64) * sizeof *took);
        double now = now_seconds();
        took[n++] = now - last;
        last = now;
    } while (last < start + seconds);
    qsort(took, n, sizeof *took, ascending);
    double median = took[n / 2] / w->times;
    free(took);
    return median;
}

/* A lap goes through the ring four times, so that a producer that runs ahead does not count. */
static unsigned times_of(uint32_t bytes)
{
    return (unsigned)(4 * capacity / (bytes + 8) + 1);
}

static void put_once(struct work *w)
{
    ring_copy(claim(w->out, w->bytes), w->from, w->bytes);
    ring_commit(w->out);
}

/* Copies `bytes` in and out for a while. Returns records a second. */
static double stream(uint32_t bytes)
{
    const char *name = ring_name("stream");
    struct work w = {
        .once = put_once, .times = times_of(bytes), .bytes = bytes, .from = xcalloc(1, bytes + 8)};
    pid_t child = spawn();
    if (child == 0) {
        uint32_t len;
        ok(ring_open(&w.in, name, 10000), "open");
        for (const void *p; (p = peek(w.in, &len)); ring_release(w.in))
            memcpy(w.from, p, len);
        ring_close(w.in);
        _exit(0);
    }
    ok(ring_create(&w.out, name, capacity), "create");
    ok(ring_wait_reader(w.out, 10000), "wait");
    double took = laps(&w);
    ring_close(w.out);
    reap(child);
    free(w.from);
    return 1 / took;
}

static void write_once(struct work *w)
{
    write_all(w->fd, w->from, w->bytes, "pipe");
}

/* Sends as many bytes through a pipe. */
static double pipe_stream(uint32_t bytes)
{
    int fd[2];
    struct work w = {.once = write_once, .times = times_of(bytes), .bytes = bytes, .from = xcalloc(1, bytes)};
    if (pipe(fd))
        die_errno("pipe");
    pid_t child = spawn();
    if (child == 0) {
        close(fd[1]);
        while (read(fd[0], w.from, bytes) > 0)
            ;
        _exit(0);
    }
    close(fd[0]);
    w.fd = fd[1];
    double took = laps(&w);
    close(fd[1]);
    reap(child);
    free(w.from);
    return 1 / took;
}

static void copy_once(struct work *w)
{
    memcpy(w->to + w->at, w->from, w->bytes);
    __asm__ volatile("" ::"r"(w->to) : "memory");
    w->at = w->at + 2 * w->bytes <= w->room ? w->at + w->bytes : 0;
}

/* Copies a second, over as much memory as the ring has. */
static double memcpy_rate(uint32_t bytes)
{
    struct work w = {.once = copy_once, .times = times_of(bytes), .bytes = bytes, .room = capacity};
    w.from = xcalloc(1, bytes);
    w.to = xcalloc(1, capacity);
    memset(w.to, 1, capacity);
    double took = laps(&w);
    free(w.from);
    free(w.to);
    return 1 / took;
}

static void hop_once(struct work *w)
{
    uint64_t sent = w->n++, got;
    uint32_t len;
    memcpy(claim(w->out, 8), &sent, 8);
    ring_commit(w->out);
    const void *p = peek(w->in, &len);
    if (!p || len != 8 || (memcpy(&got, p, 8), got != sent))
        die("hop: a wrong answer came back");
    ring_release(w->in);
}

/* Seconds for one way from process to process and back, halved. */
static double hop(void)
{
    char there[64];
    struct work w = {.once = hop_once, .times = 16};
    uint32_t len;
    snprintf(there, sizeof there, "%s", ring_name("there"));
    const char *back = ring_name("back");
    pid_t child = spawn();
    if (child == 0) {
        ok(ring_create(&w.out, back, 4096), "create");
        ok(ring_open(&w.in, there, 10000), "open");
        for (const void *p; (p = peek(w.in, &len));) {
            memcpy(claim(w.out, 8), p, 8);
            ring_commit(w.out);
            ring_release(w.in);
        }
        ring_close(w.in);
        ring_close(w.out);
        _exit(0);
    }
    ok(ring_create(&w.out, there, 4096), "create");
    ok(ring_open(&w.in, back, 10000), "open");
    double took = laps(&w);
    ring_close(w.out);
    reap(child);
    ring_close(w.in);
    return took / 2;
}

struct lines {
    _Alignas(128) _Atomic uint64_t there;
    _Alignas(128) _Atomic uint64_t back;
};

static void line_once(struct work *w)
{
    w->lines->there = ++w->n;
    while (w->lines->back != w->n)
        ;
}

/* The least it could take: one cache line each way, and nothing else. */
static double line_hop(void)
{
    struct work w = {.once = line_once, .times = 16};
    struct lines *l = w.lines =
        mmap(NULL, sizeof *l, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (l == MAP_FAILED)
        die_errno("mmap");
    pid_t child = spawn();
    if (child == 0) {
        for (uint64_t v, last = 0; (v = l->there) != UINT64_MAX;)
            if (v != last)
                l->back = last = v;
        _exit(0);
    }
    double took = laps(&w);
    l->there = UINT64_MAX;
    reap(child);
    munmap(l, sizeof *l);
    return took / 2;
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

    double small = stream((uint32_t)small_bytes),
           pipe_small = pipe_stream(small_bytes ? (uint32_t)small_bytes : 1);
    printf("ring small records  %8.2f M/s    %llu bytes each; pipe %.2f M/s\n", small / 1e6,
           (unsigned long long)small_bytes, pipe_small / 1e6);
    double bulk = stream((uint32_t)bulk_bytes) * (double)bulk_bytes;
    double pipe_bulk = pipe_stream((uint32_t)bulk_bytes) * (double)bulk_bytes,
           copy = memcpy_rate((uint32_t)bulk_bytes) * (double)bulk_bytes;
    printf("ring bulk           %8.2f GB/s   copied in and out; memcpy %.2f GB/s, pipe %.2f GB/s\n",
           bulk / 1e9, copy / 1e9, pipe_bulk / 1e9);
    double ring_s = hop(), line_s = line_hop();
    printf("ring hop            %8.0f ns     one way; a bare cache line %.0f ns\n", ring_s * 1e9,
           line_s * 1e9);
    close_stdout();
    return 0;
}
