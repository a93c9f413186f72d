/*
 * ring.c - the queue itself: positions, records, waits. The file under it: segment.c.
 *
 * Fast path: claim and peek work on the handle alone while the peer's position
 * last seen (`seen`) suffices; commit and release make one store and one load.
 *
 * Sleeping. The sleeper stores its waiter word, then loads the peer's position; the peer stores its position,
 * then loads the waiter word. All four are sequentially consistent (named D1..D4 below), so at least one of
 * the two sees the other's store: no wake-up is lost (Dekker). Sleeps are cut into slices, after each of
 * which we check that the peer is alive; a peer that lies about its waiter word costs us one slice at most.
 *
 * Everything read from shared memory is read once into a local and checked; this side's own position is never
 * read back. A failed check sets `err` permanently.
 */
#include "shm/ring.h"
#include "shm/process.h"
#include "shm/segment.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    RECORD_HEADER = 8,      /* u32 length, u32 kind */
    KIND_DATA = 0x61746164, /* "data" */
    KIND_PAD = 0x20646170,  /* "pad ": skip to the start of the data area */
};
/* How many looks before sleeping; it adapts between these. The least takes about as long as a sleep and a
 * wake-up, the most under 0.1 ms. */
enum { SPIN_MIN = 128, SPIN_MAX = 1024 };
#define SLICE_NS ((uint64_t)25 * 1000 * 1000) /* a dead peer is noticed within about two of these */
#define NEVER UINT64_MAX

struct mapping { /* shared by the two handles of a pair */
    void *base;
    size_t bytes;
    atomic_int users;
};

struct ring {
    struct segment_header *h;
    unsigned char *data;
    uint64_t capacity;
    uint64_t pos;       /* this side's own position */
    uint64_t seen;      /* the peer's position when last loaded; checked */
    uint64_t pending;   /* bytes of the record being claimed or peeked, padding included; 0: none */
    const void *record; /* consumer: the record being peeked */
    uint32_t record_len;
    int err; /* RING_EFORMAT once the peer has written invalid data */
    bool producer;
    bool joined;          /* this side has attached to the ring, and marks it closed when it leaves */
    bool dead;            /* the peer was found dead */
    bool together;        /* both sides can run at the same time, so that it helps to look before sleeping */
    unsigned spin, waits; /* spin: how often to look before sleeping; waits: how often we had to wait */
    uint64_t peer;        /* process identity; 0: not attached yet */
    int peer_fd;          /* becomes readable when the peer ends; -1: none */
    int fd;               /* producer: the segment, needed to remove its name; -1: none */
    struct mapping *map;
    char path[SEGMENT_PATH];
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t deadline_after(int timeout_ms)
{
    return timeout_ms < 0 ? NEVER : now_ns() + (uint64_t)timeout_ms * 1000000u;
}

static void wake(_Atomic uint32_t *word)
{
    /* The word is cleared, so that one sleep gets only one wake-up and later calls are spared. */
    if (atomic_exchange(word, 0))
        syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* ---- positions and records ---- */

/* Loads the peer's position. An impossible one sets err. */
static void refresh(struct ring *r)
{
    if (r->producer) {
        /* A2, D4: acquires R2, so the space is no longer read when it is written. */
        uint64_t get = atomic_load(&r->h->get);
        if (get % 8 || get - r->seen > r->pos - r->seen)
            r->err = RING_EFORMAT;
        else
            r->seen = get;
    } else {
        /* A1, D2: acquires R1, so the record's bytes are there. */
        uint64_t put = atomic_load(&r->h->put);
        if (put % 8 || put - r->pos > r->capacity || put - r->pos < r->seen - r->pos)
            r->err = RING_EFORMAT;
        else
            r->seen = put;
    }
}

static uint64_t record_bytes(uint32_t len)
{
    return RECORD_HEADER + (((uint64_t)len + 7) & ~(uint64_t)7);
}

/* Bytes that a record takes at the present position, including padding before it when it does not fit before
 * the end of the data area. */
static uint64_t bytes_needed(const struct ring *r, uint32_t len)
{
    uint64_t bytes = record_bytes(len), room = r->capacity - (r->pos & (r->capacity - 1));
    return bytes > room ? room + bytes : bytes;
}

static bool has_space(const struct ring *r, uint64_t bytes)
{
    return r->capacity - (r->pos - r->seen) >= bytes;
}

static void put_header(struct ring *r, uint64_t at, uint32_t len, uint32_t kind)
{
    uint64_t word = (uint64_t)kind << 32 | len;
    memcpy(r->data + at, &word, sizeof word);
}

void *ring_claim(struct ring *r, uint32_t len)
{
    if (!r->producer || len > ring_max_record(r))
        return NULL;
    uint64_t need = bytes_needed(r, len), at = r->pos & (r->capacity - 1);
    if (!has_space(r, need)) {
        refresh(r);
        if (!has_space(r, need))
            return NULL;
    }
    if (r->err)
        return NULL;
    if (need > record_bytes(len)) {
        put_header(r, at, (uint32_t)(r->capacity - at - RECORD_HEADER), KIND_PAD);
        at = 0;
    }
    put_header(r, at, len, KIND_DATA);
    r->pending = need;
    return r->data + at + RECORD_HEADER;
}

void ring_commit(struct ring *r)
{
    if (!r->producer || r->pending == 0)
        return;
    r->pos += r->pending;
    r->pending = 0;
    /* R1, D3: releases the record's bytes to A1. An exchange is the cheapest store that the load D4 cannot
     * overtake. */
    atomic_exchange(&r->h->put, r->pos);
    if (atomic_load(&r->h->data_waiter)) /* D4; its partner is D1 in sleep_slice */
        wake(&r->h->data_waiter);
}

/* Returns `bytes` to the producer as free space. */
static void advance(struct ring *r, uint64_t bytes)
{
    r->pos += bytes;
    /* R2, D3: the record has been read; releases its space to A2. */
    atomic_exchange(&r->h->get, r->pos);
    /* A producer is woken only when half of the ring is free, not for each record; it looks by itself after
     * every slice. */
    if (atomic_load(&r->h->space_waiter) && r->seen - r->pos <= r->capacity / 2)
        wake(&r->h->space_waiter);
}

/* Parses the record at the present position. avail is > 0 and a multiple of 8. NULL: padding was skipped, or
 * err is set. */
static const void *take(struct ring *r, uint64_t avail)
{
    uint64_t at = r->pos & (r->capacity - 1), room = r->capacity - at;
    uint64_t word = __atomic_load_n((const uint64_t *)(r->data + at), __ATOMIC_RELAXED); /* read once */
    uint32_t len = (uint32_t)word, kind = (uint32_t)(word >> 32);
    uint64_t bytes = record_bytes(len);

    if (bytes > avail || bytes > room || (kind == KIND_PAD ? bytes != room : kind != KIND_DATA)) {
        r->err = RING_EFORMAT;
        return NULL;
    }
    if (kind == KIND_PAD) {
        advance(r, bytes);
        return NULL;
    }
    r->pending = bytes;
    r->record_len = len;
    return r->record = r->data + at + RECORD_HEADER;
}

const void *ring_peek(struct ring *r, uint32_t *len)
{
    if (r->producer)
        return NULL;
    while (r->pending == 0) {
        if (r->seen == r->pos)
            refresh(r);
        if (r->err || r->seen == r->pos)
            return NULL;
        take(r, r->seen - r->pos);
    }
    *len = r->record_len;
    return r->record;
}

void ring_release(struct ring *r)
{
    if (r->producer || r->pending == 0)
        return;
    uint64_t bytes = r->pending;
    r->pending = 0;
    advance(r, bytes);
}

/* ---- waiting ---- */

/* Tests whether the condition that a waiter waits for holds. RING_OK: it does; RING_ENOTREADY: wait on;
 * otherwise the reason why it never will. */
typedef int ready_fn(struct ring *r, uint64_t need);

static int data_ready(struct ring *r, uint64_t need)
{
    (void)need;
    bool closed = atomic_load(
        &r->h->producer_closed); /* loaded before put, so that everything committed before closing is seen */
    refresh(r);
    if (r->err)
        return r->err;
    if (r->seen != r->pos)
        return RING_OK;
    return closed ? RING_ECLOSED : RING_ENOTREADY;
}

static int space_ready(struct ring *r, uint64_t need)
{
    if (atomic_load(&r->h->consumer_closed))
        return RING_ECLOSED;
    refresh(r);
    if (r->err)
        return r->err;
    return has_space(r, need) ? RING_OK : RING_ENOTREADY;
}

static int reader_ready(struct ring *r, uint64_t need)
{
    (void)need;
    return atomic_load(&r->h->consumer) ? RING_OK : RING_ENOTREADY;
}

/* False: no peer has attached yet. */
static bool know_peer(struct ring *r)
{
    if (r->peer == 0) {
        r->peer = atomic_load(&r->h->consumer); /* stored once: later changes in the segment do not matter */
        if (r->peer)
            r->peer_fd = process_watch(r->peer);
    }
    return r->peer != 0;
}

/* Whether the peer has died. A peer that has not attached yet is not dead. */
static bool peer_ended(struct ring *r)
{
    if (r->dead)
        return true;
    if (!know_peer(r))
        return false;
    r->dead = r->peer_fd >= 0 ? process_watch_ended(r->peer_fd) : !process_alive(r->peer);
    return r->dead;
}

/* Whether the two sides have more than one processor between them. Either may be bound to one by itself. */
static bool run_together(struct ring *r)
{
    cpu_set_t ours, theirs;
    if (!know_peer(r) || sched_getaffinity(0, sizeof ours, &ours) ||
        sched_getaffinity(process_pid(r->peer), sizeof theirs, &theirs))
        return false;
    CPU_OR(&ours, &ours, &theirs);
    return CPU_COUNT(&ours) > 1;
}

/* Spins before sleeping: about twice as long as the last wait took, or less when spinning was in vain. Now
 * and then it spins for the longest time, since otherwise it would never notice that the peer has become
 * quick. */
static bool spin(struct ring *r, ready_fn *ready, uint64_t need)
{
    unsigned limit = r->spin;
    if (r->waits++ % 16 == 0) {
        r->together = run_together(r);
        limit = SPIN_MAX;
    }
    for (unsigned i = 0; r->together && i < limit; i++) {
        __builtin_ia32_pause();
        if (ready(r, need) != RING_ENOTREADY) {
            r->spin = SPIN_MIN + 2 * i < SPIN_MAX ? SPIN_MIN + 2 * i : SPIN_MAX;
            return true;
        }
    }
    r->spin = r->spin / 2 > SPIN_MIN ? r->spin / 2 : SPIN_MIN;
    return false;
}

/* Sleeps until woken, at most ns. Returns 0 or errno: ETIMEDOUT, EINTR. */
static int sleep_slice(struct ring *r, ready_fn *ready, uint64_t need, uint64_t ns)
{
    _Atomic uint32_t *word = r->producer ? &r->h->space_waiter : &r->h->data_waiter;
    struct timespec t = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
    int err = 0;

    atomic_store(word, 1); /* D1, before D2 in ready() */
    if (ready(r, need) == RING_ENOTREADY && syscall(SYS_futex, word, FUTEX_WAIT, 1, &t, NULL, 0) != 0)
        err = errno == EAGAIN ? 0 : errno; /* EAGAIN: already woken */
    atomic_store_explicit(word, 0, memory_order_relaxed);
    return err;
}

static int wait_until(struct ring *r, ready_fn *ready, uint64_t need, int timeout_ms)
{
    uint64_t deadline = deadline_after(timeout_ms), looked = now_ns();
    int rc = ready(r, need);

    if (rc == RING_ENOTREADY && timeout_ms != 0 && spin(r, ready, need))
        rc = ready(r, need);
    while (rc == RING_ENOTREADY) {
        uint64_t now = now_ns(), left = deadline > now ? deadline - now : 0;
        if ((left == 0 || now - looked >= SLICE_NS || r->dead) && peer_ended(r)) {
            rc = ready(r, need); /* records committed before the peer died still count */
            return rc == RING_ENOTREADY ? RING_EPEERDEAD : rc;
        }
        if (left == 0)
            return RING_ETIMEDOUT;
        if (now - looked >= SLICE_NS)
            looked = now;
        int err = sleep_slice(r, ready, need, left < SLICE_NS ? left : SLICE_NS);
        rc = ready(r, need);
        if (rc == RING_ENOTREADY && err == EINTR) {
            errno = EINTR;
            return RING_ESYS;
        }
    }
    return rc;
}

int ring_wait_space(struct ring *r, uint32_t len, int timeout_ms)
{
    if (!r->producer || len > ring_max_record(r))
        return RING_ETOOBIG;
    return wait_until(r, space_ready, bytes_needed(r, len), timeout_ms);
}

int ring_wait_data(struct ring *r, int timeout_ms)
{
    return r->producer ? RING_ECLOSED : wait_until(r, data_ready, 0, timeout_ms);
}

int ring_wait_reader(struct ring *r, int timeout_ms)
{
    return r->producer ? wait_until(r, reader_ready, 0, timeout_ms) : RING_OK;
}

int ring_peer(struct ring *r)
{
    _Atomic uint32_t *closed = r->producer ? &r->h->consumer_closed : &r->h->producer_closed;
    bool ended = peer_ended(r); /* checked before ready(): a peer that closes and then ends did not die */
    if (atomic_load(closed))
        return RING_ECLOSED;
    return ended ? RING_EPEERDEAD : RING_OK;
}

/* ---- handles ---- */

/* Takes over one reference to map, and fd. NULL (errno ENOMEM): the caller keeps both. */
static struct ring *handle_new(struct mapping *map, uint64_t capacity, bool producer, uint64_t peer)
{
    struct ring *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->map = map;
    r->h = map->base;
    r->data = (unsigned char *)map->base + SEGMENT_HEADER;
    r->capacity = capacity;
    r->producer = producer;
    r->joined = producer;
    r->spin = SPIN_MIN;
    r->fd = -1;
    r->peer = peer;
    r->peer_fd = peer ? process_watch(peer) : -1;
    return r;
}

static struct mapping *mapping_new(void *base, uint64_t capacity, int users)
{
    struct mapping *m = malloc(sizeof *m);
    if (m) {
        m->base = base;
        m->bytes = SEGMENT_HEADER + capacity;
        m->users = users;
    }
    return m;
}

static struct ring *handle_on(struct segment_header *h, uint64_t capacity, bool producer, uint64_t peer)
{
    struct mapping *m = mapping_new(h, capacity, 1);
    struct ring *r = m ? handle_new(m, capacity, producer, peer) : NULL;
    if (!r) {
        free(m);
        munmap(h, SEGMENT_HEADER + capacity);
        errno = ENOMEM;
    }
    return r;
}

int ring_create(struct ring **out, const char *name, uint64_t capacity)
{
    char path[SEGMENT_PATH];
    struct segment_header *h;
    int fd, rc;

    *out = NULL;
    if ((rc = segment_path(path, name)) || (rc = segment_capacity_check(capacity)) ||
        (rc = segment_build(capacity, &fd, &h)))
        return rc;
    struct ring *r = handle_on(h, capacity, true, 0);
    if (!r) {
        close(fd);
        return RING_ESYS;
    }
    r->fd = fd;
    if ((rc = segment_link(fd, path))) {
        int saved = errno;
        ring_close(r);
        errno = saved;
        return rc;
    }
    memcpy(r->path, path, sizeof path);
    *out = r;
    return RING_OK;
}

/* Tries once to attach to a segment that was found. */
static int attach(struct ring **out, int fd, const char *path, const struct segment_info *info)
{
    struct segment_header *h;
    uint64_t nobody = 0, me = process_identity(getpid());

    if (segment_stale(fd, info)) {
        segment_unlink(fd, path);
        return RING_EPEERDEAD;
    }
    if (me == 0) {
        errno = ENOSYS;
        return RING_ESYS;
    }
    if (segment_map(fd, info->capacity, &h))
        return RING_ESYS;
    struct ring *r = handle_on(h, info->capacity, false, info->producer);
    if (!r)
        return RING_ESYS;
    if (!atomic_compare_exchange_strong(&h->consumer, &nobody, me)) {
        ring_close(r);
        return RING_EBUSY;
    }
    r->joined = true;
    segment_unlink(fd, path);
    wake(&h->space_waiter); /* wakes a producer in ring_wait_reader */
    *out = r;
    return RING_OK;
}

int ring_open(struct ring **out, const char *name, int timeout_ms)
{
    char path[SEGMENT_PATH];
    uint64_t deadline = deadline_after(timeout_ms);
    long pause_ns = 50 * 1000; /* doubles up to 5 ms */
    int rc, none = RING_ENOTREADY;

    *out = NULL;
    if ((rc = segment_path(path, name)))
        return rc;
    for (;;) {
        struct segment_info info;
        int fd;
        if ((rc = segment_look(path, &fd, &info)) == RING_OK) {
            rc = attach(out, fd, path, &info);
            int saved = errno;
            close(fd);
            errno = saved;
        }
        if (rc == RING_EPEERDEAD)
            none = rc;
        if (rc != RING_ENOTREADY && rc != RING_EPEERDEAD)
            return rc;
        if (now_ns() >= deadline)
            return none;
        if (nanosleep(&(struct timespec){.tv_nsec = pause_ns}, NULL))
            return RING_ESYS;
        pause_ns = pause_ns < 2500 * 1000 ? pause_ns * 2 : 5000 * 1000;
    }
}

int ring_pair(struct ring **producer, struct ring **consumer, uint64_t capacity)
{
    uint64_t boot[2] = {0, 0}, me = process_identity(getpid());

    *producer = *consumer = NULL;
    if (segment_capacity_check(capacity))
        return RING_ESYS;
    void *p =
        mmap(NULL, SEGMENT_HEADER + capacity, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return RING_ESYS;
    struct segment_header *h = p;
    h->consumer = me;
    segment_fill_header(h, capacity, boot, me);
    struct mapping *m = mapping_new(p, capacity, 2);
    struct ring *a = m ? handle_new(m, capacity, true, me) : NULL,
                *b = a ? handle_new(m, capacity, false, me) : NULL;
    if (!b) {
        if (a && a->peer_fd >= 0)
            close(a->peer_fd);
        free(a);
        free(m);
        munmap(p, SEGMENT_HEADER + capacity);
        errno = ENOMEM;
        return RING_ESYS;
    }
    b->joined = true;
    *producer = a;
    *consumer = b;
    return RING_OK;
}

void ring_close(struct ring *r)
{
    if (!r)
        return;
    if (r->producer) {
        /* The name is removed first: a closed segment is never left behind. */
        if (r->path[0])
            segment_unlink(r->fd, r->path);
        atomic_store(&r->h->producer_closed, 1);
        wake(&r->h->data_waiter);
    } else if (r->joined) {
        atomic_store(&r->h->consumer_closed, 1);
        wake(&r->h->space_waiter);
    }
    if (r->fd >= 0)
        close(r->fd);
    if (r->peer_fd >= 0)
        close(r->peer_fd);
    if (atomic_fetch_sub(&r->map->users, 1) == 1) {
        munmap(r->map->base, r->map->bytes);
        free(r->map);
    }
    free(r);
}

uint64_t ring_capacity(const struct ring *r)
{
    return r->capacity;
}

uint32_t ring_max_record(const struct ring *r)
{
    /* The limit is half of the capacity: the padding before a record is shorter than the record, and both
     * must fit. */
    uint64_t max = r->capacity / 2 - RECORD_HEADER;
    return max > UINT32_MAX - 7 ? UINT32_MAX - 7 : (uint32_t)max;
}

uint64_t ring_fill(const struct ring *r)
{
    uint64_t fill = r->producer ? r->pos - atomic_load(&r->h->get) : atomic_load(&r->h->put) - r->pos;
    return fill <= r->capacity ? fill : r->capacity;
}

const char *ring_strerror(int err)
{
    switch (err) {
    case RING_OK:
        return "no error";
    case RING_ESYS:
        return strerror(errno);
    case RING_ENOTREADY:
        return "no such ring yet";
    case RING_EFORMAT:
        return "not a ring, or damaged";
    case RING_EVERSION:
        return "ring of another version";
    case RING_EBUSY:
        return "ring name is in use";
    case RING_ETIMEDOUT:
        return "timed out";
    case RING_EPEERDEAD:
        return "the process at the other end of the ring died";
    case RING_ECLOSED:
        return "ring closed by the other end";
    case RING_ETOOBIG:
        return "record too big for the ring";
    }
    return "unknown ring error";
}
