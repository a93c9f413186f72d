/*
 * ring_test - the shared-memory ring: contents, crashes, hostile peers, bad segments
 *
 *   TORTURE=10000 build/release/tests/ring_test     that many kills instead of 240, as many hostile runs more
 *   SEED=n                                          repeats a run; each run prints its seed
 *
 * Under ThreadSanitizer only the parts in one process run: it is blind across processes.
 */
#include "shm/process.h"
#include "shm/ring.h"
#include "shm/segment.h"
#include "tests/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static uint64_t seed, rng;

static uint64_t mix64(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static uint64_t rnd(void)
{
    return mix64(rng += 0x9e3779b97f4a7c15u);
}

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void sleep_us(uint64_t us)
{
    nanosleep(&(struct timespec){.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000}, NULL);
}

static uint64_t env_u64(const char *name, uint64_t otherwise)
{
    const char *s = getenv(name);
    return s && *s ? strtoull(s, NULL, 10) : otherwise;
}

static const char *test_name(const char *what)
{
    static char name[64];
    snprintf(name, sizeof name, "ringtest.%d.%s", (int)getpid(), what);
    return name;
}

static const char *path_of(const char *name)
{
    static char path[SEGMENT_PATH];
    CHECK(segment_path(path, name) == RING_OK);
    return path;
}

/* ---- records whose length and every byte follow from their number ---- */

static uint32_t record_len(uint64_t n, uint32_t max)
{
    uint64_t h = mix64(n * 7 + 1);
    switch (h % 8) {
    case 0:  return (uint32_t)(h >> 8) % 9;                     /* 0 too */
    case 1:  return max - (uint32_t)(h >> 8) % 9;               /* the longest too */
    case 2:  return (uint32_t)((h >> 8) % (max + 1));
    default: return (uint32_t)((h >> 8) % (max < 200 ? max + 1 : 200));
    }
}

static void fill_record(unsigned char *p, uint32_t len, uint64_t n)
{
    uint64_t x = mix64(n + 99);
    for (uint32_t i = 0; i < len; i++) {
        p[i] = (unsigned char)(x >> 32);
        x = x * 6364136223846793005u + 1442695040888963407u;
    }
}

static bool record_is(const unsigned char *p, uint32_t len, uint64_t n, uint32_t max)
{
    uint64_t x = mix64(n + 99);
    if (len != record_len(n, max))
        return false;
    for (uint32_t i = 0; i < len; i++) {
        if (p[i] != (unsigned char)(x >> 32))
            return false;
        x = x * 6364136223846793005u + 1442695040888963407u;
    }
    return true;
}

/* Sends record n; returns RING_OK or why not. */
static int send_record(struct ring *r, uint64_t n, int timeout_ms)
{
    uint32_t len = record_len(n, ring_max_record(r));
    unsigned char *p;
    while (!(p = ring_claim(r, len))) {
        int rc = ring_wait_space(r, len, timeout_ms);
        if (rc)
            return rc;
    }
    fill_record(p, len, n);
    ring_commit(r);
    return RING_OK;
}

/* ---- one process ---- */

static void test_basic(void)
{
    struct ring *p, *c;
    uint32_t len;

    CHECK(ring_pair(&p, &c, 4096) == RING_OK);
    CHECK(ring_capacity(p) == 4096 && ring_max_record(p) == 2040 && ring_fill(c) == 0);
    CHECK(ring_peek(c, &len) == NULL);
    CHECK(ring_wait_data(c, 0) == RING_ETIMEDOUT);
    CHECK(ring_claim(p, 2041) == NULL && ring_wait_space(p, 2041, -1) == RING_ETOOBIG);
    CHECK(ring_claim(p, UINT32_MAX) == NULL && ring_wait_space(p, UINT32_MAX, -1) == RING_ETOOBIG);

    void *q = ring_claim(p, 100);
    CHECK(q && (uintptr_t)q % 8 == 0);
    CHECK(ring_peek(c, &len) == NULL, "visible before commit");
    CHECK(ring_claim(p, 3) == q, "a second claim replaces the first");
    memcpy(q, "abc", 3);
    ring_commit(p);
    ring_commit(p);                         /* nothing claimed: nothing happens */
    CHECK(ring_fill(p) == 16 && ring_fill(c) == 16);
    const char *s = ring_peek(c, &len);
    CHECK(s && len == 3 && memcmp(s, "abc", 3) == 0);
    CHECK(ring_peek(c, &len) == s && len == 3, "the same until released");
    ring_release(c);
    ring_release(c);
    CHECK(ring_fill(p) == 0 && ring_peek(c, &len) == NULL);

    /* Two of the longest fill it exactly when they start at 0. */
    while (ring_claim(p, 0) && (ring_commit(p), true))
        ;
    CHECK(ring_fill(p) == 4096 && ring_wait_space(p, 0, 20) == RING_ETIMEDOUT);
    for (int i = 0; i < 512; i++) {
        CHECK(ring_peek(c, &len) && len == 0);
        ring_release(c);
    }
    CHECK(ring_wait_space(p, 2040, 0) == RING_OK);

    CHECK(ring_peek(p, &len) == NULL && ring_claim(c, 1) == NULL, "each call has its side");
    CHECK(ring_claim(p, 5));
    ring_commit(p);
    CHECK(ring_claim(p, 5));                /* dropped by close */
    ring_close(p);
    CHECK(ring_wait_data(c, -1) == RING_OK && ring_peek(c, &len) && len == 5);
    ring_release(c);
    CHECK(ring_wait_data(c, -1) == RING_ECLOSED && ring_peek(c, &len) == NULL);
    ring_close(c);

    CHECK(ring_pair(&p, &c, 4096) == RING_OK);
    ring_close(c);
    CHECK(ring_wait_space(p, 1, -1) == RING_ECLOSED);
    ring_close(p);
    ring_close(NULL);
}

struct flow {
    struct ring *ring;
    uint64_t records;
};

static void *produce(void *arg)
{
    struct flow *f = arg;
    for (uint64_t n = 0; n < f->records; n++)
        CHECK(send_record(f->ring, n, -1) == RING_OK);
    ring_close(f->ring);
    return NULL;
}

static void consume(struct ring *r, uint64_t records)
{
    uint32_t len, max = ring_max_record(r);
    for (uint64_t n = 0;;) {
        const void *p = ring_peek(r, &len);
        if (!p) {
            int rc = ring_wait_data(r, -1);
            if (rc == RING_ECLOSED) {
                CHECK(n == records, "%llu of %llu came", (unsigned long long)n, (unsigned long long)records);
                return;
            }
            CHECK(rc == RING_OK, "%s", ring_strerror(rc));
            continue;
        }
        CHECK(record_is(p, len, n, max), "record %llu", (unsigned long long)n);
        ring_release(r);
        n++;
    }
}

/* Two threads on one mapping, which is what ThreadSanitizer can see. */
static void test_threads(uint64_t records)
{
    struct ring *p, *c;
    pthread_t t;

    CHECK(ring_pair(&p, &c, 4096) == RING_OK);
    struct flow f = {p, records};
    CHECK(pthread_create(&t, NULL, produce, &f) == 0);
    consume(c, records);
    CHECK(pthread_join(t, NULL) == 0);
    ring_close(c);
}

/* ---- two processes ---- */

static int exit_of(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        CHECK(errno == EINTR);
    return status;
}

static void test_processes(uint64_t records)
{
    const char *name = test_name("wrap");
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct flow f = {.records = records};
        CHECK(ring_create(&f.ring, name, 65536) == RING_OK);
        for (uint64_t n = 0; n < records; n++)
            CHECK(send_record(f.ring, n, -1) == RING_OK);
        CHECK(ring_wait_reader(f.ring, 5000) == RING_OK);
        ring_close(f.ring);
        exit(0);
    }
    struct ring *c;
    CHECK(ring_open(&c, name, 5000) == RING_OK);
    CHECK(access(path_of(name), F_OK) != 0, "the name goes once attached");
    consume(c, records);
    ring_close(c);
    CHECK(exit_of(child) == 0);
}

/* What was committed before the consumer came is there, though the producer has closed and gone. */
static void test_late_reader(void)
{
    struct ring *p, *c;
    uint32_t len;
    const char *name = test_name("late");
    CHECK(ring_open(&c, name, 0) == RING_ENOTREADY);
    CHECK(ring_create(&p, name, 4096) == RING_OK);
    CHECK(send_record(p, 0, 0) == RING_OK);
    CHECK(ring_wait_reader(p, 30) == RING_ETIMEDOUT);
    CHECK(ring_open(&c, name, 0) == RING_OK);
    CHECK(ring_wait_reader(p, 0) == RING_OK);
    ring_close(p);
    CHECK(ring_peek(c, &len) && (ring_release(c), ring_wait_data(c, -1) == RING_ECLOSED));
    ring_close(c);

    CHECK(ring_create(&p, name, 4096) == RING_OK && access(path_of(name), F_OK) == 0);
    ring_close(p);
    CHECK(access(path_of(name), F_OK) != 0, "close removes a name that nobody attached to");
}

static void on_alarm(int sig)
{
    (void)sig;
}

static void test_signal(void)
{
    struct ring *p, *c;
    struct sigaction old, sa = {.sa_handler = on_alarm};
    CHECK(ring_pair(&p, &c, 4096) == RING_OK);
    CHECK(sigaction(SIGUSR1, &sa, &old) == 0);
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        for (;;) {              /* once might come before the sleep */
            sleep_us(5000);
            kill(parent, SIGUSR1);
        }
    }
    errno = 0;
    CHECK(ring_wait_data(c, -1) == RING_ESYS && errno == EINTR);
    kill(child, SIGKILL);
    exit_of(child);
    sigaction(SIGUSR1, &old, NULL);
    ring_close(p);
    ring_close(c);
}

/* ---- kill -9 at any moment ---- */

struct board {                  /* shared by the three processes of a round */
    _Atomic uint64_t committed, consumed, noticed_us;
    _Atomic int stop;           /* the killing is done: who still waits for a first meeting may go */
    _Atomic int damaged;
};

enum { FINISHED = 0, SAW_DEATH = 10, NEVER_MET = 11, WRONG = 12 };

static int torture_produce(struct board *b, const char *name, uint64_t capacity)
{
    struct ring *r;
    int rc;
    if (ring_create(&r, name, capacity))
        return WRONG;
    for (uint64_t n = 0;; n++) {
        do {
            bool stop = b->stop;
            rc = send_record(r, n, 10);
            if (rc == RING_ETIMEDOUT && stop && ring_wait_reader(r, 0) == RING_ETIMEDOUT) {
                ring_close(r);
                return NEVER_MET;
            }
        } while (rc == RING_ETIMEDOUT);
        if (rc)
            break;
        b->committed = n + 1;
        if (n % 512 == 511)
            sleep_us(50);       /* let the consumer find it empty at times */
    }
    b->noticed_us = now_us();
    ring_close(r);
    return rc == RING_EPEERDEAD ? SAW_DEATH : WRONG;
}

static int torture_consume(struct board *b, const char *name)
{
    struct ring *r;
    uint32_t len;
    int rc;
    bool stop;
    do {
        stop = b->stop;
        rc = ring_open(&r, name, 5);
    } while ((rc == RING_ENOTREADY || rc == RING_EPEERDEAD) && !stop);
    if (rc)
        return rc == RING_ENOTREADY || rc == RING_EPEERDEAD ? NEVER_MET : WRONG;
    for (uint64_t n = 0;;) {
        const void *p = ring_peek(r, &len);
        if (p) {
            if (!record_is(p, len, n, ring_max_record(r)))
                b->damaged = 1;
            ring_release(r);
            b->consumed = ++n;
        } else if ((rc = ring_wait_data(r, -1)) != RING_OK) {
            break;
        }
    }
    b->noticed_us = now_us();
    ring_close(r);
    return rc == RING_EPEERDEAD ? SAW_DEATH : WRONG;
}

struct torture {
    struct board *board;
    uint64_t kills, met, latency[100000], n_latency;
};

static void check_survivor(struct torture *t, int status, uint64_t killed_us, bool consumer_lives, const char *name)
{
    struct board *b = t->board;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    CHECK(code == SAW_DEATH || code == NEVER_MET, "survivor's status %#x", status);
    CHECK(access(path_of(name), F_OK) != 0, "the survivor left the name behind");
    if (code != SAW_DEATH)
        return;
    t->met++;
    /* The producer died between commit and its note at worst: one record more than it noted. */
    CHECK(!consumer_lives || b->consumed - b->committed <= 1, "committed %llu, consumed %llu",
          (unsigned long long)b->committed, (unsigned long long)b->consumed);
    if (t->n_latency < sizeof t->latency / sizeof *t->latency)
        t->latency[t->n_latency++] = b->noticed_us > killed_us ? b->noticed_us - killed_us : 0;
}

static void torture_round(struct torture *t, const char *name)
{
    struct board *b = t->board;
    int who = (int)(rnd() % 3);         /* 0 producer, 1 consumer, 2 both */
    uint64_t delay = rnd() % 4 ? rnd() % 8000 : rnd() % 500, capacity = rnd() % 2 ? 4096 : 65536;
    pid_t p, c;

    memset(b, 0, sizeof *b);
    if ((p = fork()) == 0)
        _exit(torture_produce(b, name, capacity));
    if ((c = fork()) == 0)
        _exit(torture_consume(b, name));
    CHECK(p > 0 && c > 0);
    sleep_us(delay);
    uint64_t killed = now_us();
    if (who != 1)
        kill(p, SIGKILL);
    if (who != 0)
        kill(c, SIGKILL);
    b->stop = 1;
    int ps = exit_of(p), cs = exit_of(c);
    CHECK(who == 1 || WIFSIGNALED(ps), "producer ended by itself: %#x", ps);
    CHECK(who == 0 || WIFSIGNALED(cs), "consumer ended by itself: %#x", cs);
    CHECK(!b->damaged, "a record was lost, doubled or torn");
    t->kills += who == 2 ? 2 : 1;
    if (who == 0)
        check_survivor(t, cs, killed, true, name);
    if (who == 1)
        check_survivor(t, ps, killed, false, name);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void test_torture(uint64_t kills)
{
    static struct torture t;
    struct ring *r;
    const char *name = test_name("torture");

    t.board = mmap(NULL, sizeof *t.board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(t.board != MAP_FAILED);
    while (t.kills < kills)
        torture_round(&t, name);        /* each creates over what the one before may have left */
    CHECK(ring_create(&r, name, 4096) == RING_OK);
    ring_close(r);
    munmap(t.board, sizeof *t.board);

    CHECK(t.n_latency > 20, "the two hardly ever met");
    qsort(t.latency, t.n_latency, sizeof *t.latency, by_value);
    uint64_t median = t.latency[t.n_latency / 2], worst = t.latency[t.n_latency - 1];
    printf("torture: %llu kills, survivor saw it in %.1f ms (median), %.1f ms (worst of %llu)\n",
           (unsigned long long)t.kills, (double)median / 1e3, (double)worst / 1e3, (unsigned long long)t.n_latency);
    CHECK(median <= 100 * 1000 && worst <= 1000 * 1000);
}

/* ---- a hostile peer ---- */

static const uint16_t header_fields[] = {0, 8, 12, 16, 24, 32, 40, 48, 128, 136, 256, 264, 384, 512};

static uint64_t nasty(const unsigned char *base, uint64_t capacity)
{
    uint64_t near = *(const uint64_t *)(base + (rnd() % 2 ? 128 : 256));
    switch (rnd() % 8) {
    case 0:  return rnd();
    case 1:  return near + 8 * (rnd() % 64) - 256;
    case 2:  return near + capacity + 8 * (rnd() % 3) - 8;
    case 3:  return rnd() % 3;
    case 4:  return UINT64_MAX - rnd() % 16;
    case 5:  return near + rnd() % capacity;
    case 6:  return (uint64_t)(rnd() % 2 ? 0x61746164u : 0x20646170u) << 32 | (uint32_t)(rnd() % (2 * capacity));
    default: return (uint64_t)1 << rnd() % 64;
    }
}

/* Writes nonsense somewhere in the segment: cursors and record headers most of all. */
static void mutate(unsigned char *base, uint64_t capacity)
{
    uint64_t at = rnd() % 4 ? (uint64_t)header_fields[rnd() % (sizeof header_fields / sizeof *header_fields)]
                            : SEGMENT_HEADER + 8 * (rnd() % (capacity / 8));
    if (rnd() % 3 == 0)
        at = rnd() % 2 ? 128 : 256;
    else if (rnd() % 3 == 0)            /* the record that comes next */
        at = SEGMENT_HEADER + (*(const uint64_t *)(base + 256) & (capacity - 8));
    uint64_t v = nasty(base, capacity);
    __atomic_store_n((uint64_t *)(base + at), v, __ATOMIC_RELAXED);
}

static bool within(const void *p, uint64_t len, const unsigned char *base, uint64_t capacity)
{
    uint64_t at = (uint64_t)((const unsigned char *)p - base);
    return at >= SEGMENT_HEADER && at <= SEGMENT_HEADER + capacity && len <= SEGMENT_HEADER + capacity - at;
}

static volatile unsigned sink;

/* One use of a side, every byte of it touched. False once the handle has given up. */
static bool use_consumer(struct ring *c, const unsigned char *base, uint64_t capacity)
{
    uint32_t len;
    const unsigned char *p = ring_peek(c, &len);
    if (!p) {
        int rc = ring_wait_data(c, rnd() % 64 == 0);
        CHECK(rc == RING_OK || (rc <= RING_EFORMAT && rc >= RING_ECLOSED), "%d", rc);
        return rc == RING_OK || rc == RING_ETIMEDOUT;
    }
    CHECK(within(p, len, base, capacity), "record of %u bytes leaves the ring", len);
    for (uint32_t i = 0; i < len; i++)
        sink += p[i];
    ring_release(c);
    return true;
}

static bool use_producer(struct ring *r, const unsigned char *base, uint64_t capacity)
{
    uint32_t len = record_len(rnd(), ring_max_record(r));
    void *p = ring_claim(r, len);
    if (!p) {
        int rc = ring_wait_space(r, len, rnd() % 64 == 0);
        CHECK(rc == RING_OK || (rc <= RING_EFORMAT && rc >= RING_ECLOSED), "%d", rc);
        return rc == RING_OK || rc == RING_ETIMEDOUT;
    }
    CHECK(within(p, len, base, capacity), "claim of %u bytes leaves the ring", len);
    memset(p, 1, len);
    ring_commit(r);
    return true;
}

/* Each lie by itself: refused, and for good, even when it is taken back. */
static void test_lies(void)
{
    enum { DATA = 0x61746164, PAD = 0x20646170, START = 4000 };     /* 96 bytes before the end */
    static const struct { const char *what; bool to_producer; uint32_t kind, len; uint64_t put, get; } lies[] = {
        {"longer than what was committed", false, DATA, 9,          START + 16,       0},
        {"across the end",                 false, DATA, 96,         START + 4000,     0},
        {"length 2^32 - 1",                false, DATA, UINT32_MAX, START + 4096,     0},
        {"unknown kind",                   false, 1,    8,          START + 16,       0},
        {"padding too short",              false, PAD,  80,         START + 96,       0},
        {"padding too long",               false, PAD,  96,         START + 4096,     0},
        {"put beyond the capacity",        false, DATA, 8,          START + 4096 + 8, 0},
        {"put not a multiple of 8",        false, DATA, 8,          START + 17,       0},
        {"put gone back",                  false, DATA, 8,          START - 8,        0},
        {"put gone back to 0",             false, DATA, 8,          0,                0},
        {"get beyond put",                 true,  0,    0,          0,                START + 24},
        {"get not a multiple of 8",        true,  0,    0,          0,                START + 4},
        {"get gone back",                  true,  0,    0,          0,                START - 8},
        {"get huge",                       true,  0,    0,          0,                UINT64_MAX - 7},
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct ring *p, *c;
        uint32_t len;
        CHECK(ring_pair(&p, &c, 4096) == RING_OK);
        unsigned char *base = (unsigned char *)ring_claim(p, 0) - 8 - SEGMENT_HEADER;
        struct segment_header *h = (struct segment_header *)base;
        for (int k = 0; k < 4; k++) {
            CHECK(ring_claim(p, 992));
            ring_commit(p);
            CHECK(ring_peek(c, &len) && len == 992);
            ring_release(c);
            CHECK(ring_wait_space(p, 2040, 0) == RING_OK);      /* sees get */
        }
        CHECK(h->put == START && h->get == START);
        uint64_t word = (uint64_t)lies[i].kind << 32 | lies[i].len;
        memcpy(base + SEGMENT_HEADER + START, &word, sizeof word);
        if (lies[i].to_producer) {
            CHECK(ring_claim(p, 8));
            ring_commit(p);
            h->get = lies[i].get;
        } else {
            h->put = lies[i].put;
        }
        for (int again = 0; again < 2; again++) {
            if (lies[i].to_producer)
                CHECK(ring_wait_space(p, 8, 0) == RING_EFORMAT && !ring_claim(p, 8), "%s", lies[i].what);
            else
                CHECK(!ring_peek(c, &len) && ring_wait_data(c, 0) == RING_EFORMAT, "%s", lies[i].what);
            h->put = h->get = START;
        }
        ring_close(p);
        ring_close(c);
    }

    /* A record that the consumer knows of is taken back. */
    struct ring *p, *c;
    uint32_t len;
    CHECK(ring_pair(&p, &c, 4096) == RING_OK);
    unsigned char *base = (unsigned char *)ring_claim(p, 0) - 8 - SEGMENT_HEADER;
    ring_commit(p);
    CHECK(ring_claim(p, 8));
    ring_commit(p);
    CHECK(ring_peek(c, &len));
    ring_release(c);
    ((struct segment_header *)base)->put = 8;
    CHECK(ring_wait_data(c, 0) == RING_EFORMAT && !ring_peek(c, &len));
    ring_close(p);
    ring_close(c);
}

/* Mutations between the calls of both sides. */
static void test_hostile(uint64_t mutations)
{
    const uint64_t capacity = 4096;
    uint64_t refused = 0, used = 0;
    for (uint64_t n = 0; n < mutations;) {
        struct ring *p, *c;
        CHECK(ring_pair(&p, &c, capacity) == RING_OK);
        unsigned char *base = (unsigned char *)ring_claim(p, 0) - 8 - SEGMENT_HEADER;
        for (uint64_t k = rnd() % 20; k > 0; k--)       /* a state from which to go wrong */
            rnd() % 2 ? use_producer(p, base, capacity) : use_consumer(c, base, capacity);
        bool producer = rnd() % 2, fine = true;
        while (fine && n < mutations && rnd() % 32) {
            mutate(base, capacity);
            n++;
            fine = producer ? use_producer(p, base, capacity) : use_consumer(c, base, capacity);
            used++;
        }
        refused += !fine;
        ring_close(p);
        ring_close(c);
    }
    printf("hostile: %llu mutations, %llu uses, %llu handles gave up\n", (unsigned long long)mutations,
           (unsigned long long)used, (unsigned long long)refused);
    CHECK(refused > mutations / 1000 && used > mutations / 2, "the mutations hardly did anything");
}

/* Mutations by another process during the calls. */
static void test_hostile_race(unsigned ms)
{
    const uint64_t capacity = 4096;
    _Atomic uint64_t *count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(count != MAP_FAILED);
    uint64_t end = now_us() + ms * 1000, rings = 0;
    while (now_us() < end) {
        struct ring *p, *c;
        CHECK(ring_pair(&p, &c, capacity) == RING_OK);
        unsigned char *base = (unsigned char *)ring_claim(p, 0) - 8 - SEGMENT_HEADER;
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            rng = seed + rings;
            for (;; atomic_fetch_add(count, 1))
                mutate(base, capacity);
        }
        for (int fine = 1, k = 0; fine && k < 2000; k++)
            fine = rings % 2 ? use_producer(p, base, capacity) : use_consumer(c, base, capacity);
        kill(child, SIGKILL);
        exit_of(child);
        ring_close(p);
        ring_close(c);
        rings++;
    }
    printf("hostile race: %llu mutations against %llu rings\n", (unsigned long long)*count, (unsigned long long)rings);
    CHECK(*count > 1000);
    munmap(count, 4096);
}

/* ---- what may lie at the name ---- */

static uint64_t identity_of_nobody(void)
{
    pid_t dead = fork();
    if (dead == 0)
        _exit(0);
    uint64_t id = process_identity(dead);
    exit_of(dead);
    return id ? id : (uint64_t)dead | (uint64_t)1 << 24;
}

/* A well-made segment at path, with one thing changed by the caller afterwards. */
static struct segment_header *plant(const char *path, uint64_t capacity, uint64_t producer)
{
    uint64_t boot[2];
    struct segment_header *h;
    unlink(path);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && posix_fallocate(fd, 0, (off_t)(SEGMENT_HEADER + capacity)) == 0);
    CHECK(boot_identity(boot) == 0 && segment_map(fd, capacity, &h) == RING_OK);
    segment_fill_header(h, capacity, boot, producer);
    close(fd);
    return h;
}

static void expect(const char *name, int create, int open_rc, const char *what)
{
    struct ring *r;
    int rc = ring_open(&r, name, 0);
    CHECK(rc == open_rc, "%s: open says %d (%s), not %d", what, rc, ring_strerror(rc), open_rc);
    ring_close(r);
    rc = ring_create(&r, name, 4096);
    CHECK(rc == create, "%s: create says %d (%s), not %d", what, rc, ring_strerror(rc), create);
    ring_close(r);
    bool stays = create != RING_OK;
    CHECK((access(path_of(name), F_OK) == 0) == stays || strcmp(what, "symlink") == 0, "%s: stays or goes", what);
}

static void test_bad_segments(void)
{
    const char *name = test_name("bad");
    char path[SEGMENT_PATH], target[SEGMENT_PATH + 8];
    uint64_t me = process_identity(getpid()), nobody = identity_of_nobody();
    CHECK(segment_path(path, name) == RING_OK && me != 0);
    snprintf(target, sizeof target, "%s.target", path);

    struct { const char *what; int rc; uint32_t at, bytes; uint64_t value; } fields[] = {
        {"magic",         RING_EFORMAT,   0,  8, 0x1234},
        {"unpublished",   RING_ENOTREADY, 0,  8, 0},
        {"version",       RING_EVERSION,  8,  4, 2},
        {"header bytes",  RING_EFORMAT,   12, 4, 8192},
        {"capacity 0",    RING_EFORMAT,   16, 8, 0},
        {"capacity + 1",  RING_EFORMAT,   16, 8, 4097},
        {"capacity * 2",  RING_EFORMAT,   16, 8, 8192},
        {"capacity huge", RING_EFORMAT,   16, 8, (uint64_t)1 << 63},
        {"no producer",   RING_EFORMAT,   40, 8, 0},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct segment_header *h = plant(path, 4096, me);
        memcpy((unsigned char *)h + fields[i].at, &fields[i].value, fields[i].bytes);
        munmap(h, SEGMENT_HEADER + 4096);
        expect(name, fields[i].rc == RING_ENOTREADY ? RING_EFORMAT : fields[i].rc, fields[i].rc, fields[i].what);
    }

    /* Files that are not what they should be. */
    munmap(plant(path, 4096, me), SEGMENT_HEADER + 4096);
    CHECK(chmod(path, 0644) == 0);
    expect(name, RING_EFORMAT, RING_EFORMAT, "mode");
    CHECK(chmod(path, 0600) == 0 && truncate(path, 4096 + 100) == 0);
    expect(name, RING_EFORMAT, RING_EFORMAT, "too short");
    CHECK(truncate(path, 4096 + 8192) == 0);
    expect(name, RING_EFORMAT, RING_EFORMAT, "holes, and another size");
    if (geteuid() == 0) {
        munmap(plant(path, 4096, nobody), SEGMENT_HEADER + 4096);
        CHECK(chown(path, 12345, (gid_t)-1) == 0);
        expect(name, RING_EFORMAT, RING_EFORMAT, "owner");
    }
    unlink(path);
    munmap(plant(target, 4096, nobody), SEGMENT_HEADER + 4096);
    CHECK(symlink(target, path) == 0);
    expect(name, RING_EFORMAT, RING_EFORMAT, "symlink");
    CHECK(access(target, F_OK) == 0, "a link's target is left alone");
    unlink(path);
    unlink(target);
    CHECK(mkdir(path, 0700) == 0);
    expect(name, RING_EFORMAT, RING_EFORMAT, "directory");
    rmdir(path);
    CHECK(mkfifo(path, 0600) == 0);
    expect(name, RING_EFORMAT, RING_EFORMAT, "fifo");
    unlink(path);

    /* Well-made ones of the dead are taken over; of the living, not. */
    struct segment_header *h = plant(path, 4096, me);
    h->boot[0] ^= 1;
    munmap(h, SEGMENT_HEADER + 4096);
    expect(name, RING_OK, RING_EPEERDEAD, "old boot id, by open");
    h = plant(path, 4096, me);
    h->boot[1] ^= 1;
    munmap(h, SEGMENT_HEADER + 4096);
    struct ring *r;
    CHECK(ring_create(&r, name, 4096) == RING_OK, "old boot id, by create");
    ring_close(r);
    munmap(plant(path, 4096, me + ((uint64_t)1 << 24)), SEGMENT_HEADER + 4096);
    CHECK(ring_create(&r, name, 4096) == RING_OK, "reused pid");
    ring_close(r);
    munmap(plant(path, 4096, me - ((uint64_t)1 << 24)), SEGMENT_HEADER + 4096);
    expect(name, RING_OK, RING_EPEERDEAD, "reused pid");
    munmap(plant(path, 4096, nobody), SEGMENT_HEADER + 4096);
    expect(name, RING_OK, RING_EPEERDEAD, "dead producer");
    h = plant(path, 4096, me);
    h->consumer = me;
    munmap(h, SEGMENT_HEADER + 4096);
    expect(name, RING_EBUSY, RING_EBUSY, "in use by two");
    unlink(path);

    struct ring *first, *second;
    CHECK(ring_create(&first, name, 4096) == RING_OK && ring_create(&second, name, 4096) == RING_EBUSY);
    CHECK(access(path, F_OK) == 0 && second == NULL);
    CHECK(ring_open(&second, name, 0) == RING_OK && ring_create(&r, name, 4096) == RING_OK, "the name is free again");
    CHECK(ring_wait_space(first, 0, 0) == RING_OK, "a second consumer does not close the ring for the first");
    ring_close(first);
    ring_close(second);
    CHECK(access(path, F_OK) == 0, "closing the old ring leaves the new one's name");
    ring_close(r);

    static const char *const bad_names[] = {"", "a/b", "../x", "a b", "a\n",
                                            "12345678901234567890123456789012345678901234567890123456789012345"};
    for (size_t i = 0; i < sizeof bad_names / sizeof *bad_names; i++)
        CHECK(ring_create(&r, bad_names[i], 4096) == RING_ESYS && errno == EINVAL && ring_open(&r, bad_names[i], 0) ==
              RING_ESYS && errno == EINVAL, "name %zu", i);
    static const uint64_t bad_sizes[] = {0, 1, 2048, 4095, 4097, 12288, (uint64_t)1 << 41, UINT64_MAX};
    for (size_t i = 0; i < sizeof bad_sizes / sizeof *bad_sizes; i++)
        CHECK(ring_create(&r, name, bad_sizes[i]) == RING_ESYS && errno == EINVAL);
}

/* Headers with anything in them, opened. */
static void test_mutated_open(uint64_t rounds)
{
    const char *name = test_name("mutated");
    char path[SEGMENT_PATH];
    uint64_t me = process_identity(getpid()), opened = 0;
    CHECK(segment_path(path, name) == RING_OK);
    for (uint64_t n = 0; n < rounds; n++) {
        struct segment_header *h = plant(path, 4096, me);
        unsigned char *base = (unsigned char *)h;
        for (uint64_t k = 1 + rnd() % 4; k > 0; k--)
            mutate(base, 4096);
        struct ring *c;
        int rc = ring_open(&c, name, 0);
        CHECK(rc == RING_OK || (rc <= RING_ENOTREADY && rc >= RING_EPEERDEAD), "%d", rc);
        if (rc == RING_OK) {
            uint32_t len;
            const unsigned char *p;
            CHECK(ring_capacity(c) == 4096);
            while ((p = ring_peek(c, &len)) != NULL) {
                for (uint32_t i = 0; i < len; i++)
                    sink += p[i];
                ring_release(c);
            }
            opened++;
        }
        ring_close(c);
        munmap(h, SEGMENT_HEADER + 4096);
        unlink(path);
    }
    CHECK(opened > 0 && opened < rounds);
}

static void check_no_leaks(void)
{
    char mine[64];
    snprintf(mine, sizeof mine, "tritter-%lu-ringtest.%d.", (unsigned long)geteuid(), (int)getpid());
    DIR *d = opendir(SEGMENT_DIR);
    CHECK(d);
    for (struct dirent *e; (e = readdir(d));)
        CHECK(strncmp(e->d_name, mine, strlen(mine)) != 0, "%s was left behind", e->d_name);
    closedir(d);
}

int main(void)
{
    uint64_t campaign = env_u64("TORTURE", 0);
    test_begin(campaign ? (unsigned)(120 + campaign / 4) : 120);
    seed = rng = env_u64("SEED", (uint64_t)now_us());
    printf("SEED=%llu\n", (unsigned long long)seed);

    test_basic();
#ifdef __SANITIZE_THREAD__
    test_threads(campaign ? campaign * 1000 : 200000);
#else
    test_threads(100000);
    test_processes(40000);
    test_late_reader();
    test_signal();
    test_bad_segments();
    test_mutated_open(2000 + campaign);
    test_lies();
    test_hostile(100000 + campaign * 100);
    test_hostile_race(400 + (unsigned)campaign / 2);
    test_torture(campaign ? campaign : 240);
    check_no_leaks();
#endif
    return 0;
}
