#include "pipeline/stream/ringend.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/lib/counters.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "shm/ring.h"

enum {
    WAIT_MS = 200, /* how often a wait checks stop_signal */
    WRITER_WAIT_S = 60,
};
#define LOOK_S 0.025 /* how often a writer that need not wait checks that its reader is alive */

struct ring_out {
    struct ring *ring;
    char *name;
    pthread_mutex_t mutex; /* recursive; held from claim to commit, and by an exit in another thread */
    atomic_bool failing;
    bool reader_gone;
    double looked;
};

struct ring_in {
    struct ring *ring;
    void *copy; /* a copy of the record that was handed out */
    size_t cap;
};

static const char prefix[] = "ring:";

bool is_ring(const char *endpoint)
{
    return strncmp(endpoint, prefix, sizeof prefix - 1) == 0;
}

static const char *ring_name(const char *endpoint)
{
    return endpoint + sizeof prefix - 1;
}

static _Noreturn void refuse(const char *endpoint, int rc)
{
    if (rc == RING_ESYS)
        die_errno("%s", endpoint);
    if (rc == RING_EVERSION) /* the version field is at offset 8: shm/ring.md */
        die("%s: offset 8: %s", endpoint, ring_strerror(rc));
    die("%s: %s", endpoint, ring_strerror(rc));
}

static bool goes_on(int rc)
{
    return rc == RING_OK || rc == RING_ETIMEDOUT || (rc == RING_ESYS && errno == EINTR);
}

/* ---- writer ---- */

/* Takes the mutex. Waits for ever when the program is ending in another thread, which has closed the ring. */
static void enter(struct ring_out *o)
{
    pthread_mutex_lock(&o->mutex);
    if (!atomic_load(&o->failing))
        return;
    pthread_mutex_unlock(&o->mutex);
    for (;;)
        pause();
}

/* Runs when the program ends before ring_out_close: a ring that nobody has opened yet would keep its name. */
static void close_at_failure(void *arg)
{
    struct ring_out *o = arg;
    atomic_store(&o->failing, true);
    pthread_mutex_lock(&o->mutex); /* never unlocked: the program is ending */
    ring_close(o->ring);
}

struct ring_out *ring_out_open(const char *endpoint, uint64_t capacity)
{
    struct ring_out *o = xcalloc(1, sizeof *o);
    pthread_mutexattr_t attr;
    int rc = ring_create(&o->ring, ring_name(endpoint), capacity);
    if (rc != RING_OK)
        refuse(endpoint, rc);
    o->name = xstrdup(endpoint);
    o->looked = now_seconds();
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&o->mutex, &attr);
    pthread_mutexattr_destroy(&attr);
    at_failure(close_at_failure, o);
    return o;
}

/* Returns true when rc is no error; otherwise records that the reader has closed, or dies. */
static bool check(struct ring_out *o, int rc)
{
    if (rc == RING_ECLOSED)
        o->reader_gone = true;
    else if (!goes_on(rc))
        die("%s: %s", o->name, rc == RING_EPEERDEAD ? "the reader died" : ring_strerror(rc));
    return rc != RING_ECLOSED;
}

static void publish_fill(const struct ring_out *o)
{
    static struct counter fill = GAUGE("ring_fill", "bytes"), room = GAUGE("ring_capacity", "bytes");
    counters_begin();
    counter_set(&fill, (double)ring_fill(o->ring));
    counter_set(&room, (double)ring_capacity(o->ring));
    counters_end();
}

/* Checks that the reader is alive: a ring with room would otherwise take records for a dead reader until it
 * is full. */
static bool reader_is_well(struct ring_out *o)
{
    double now = now_seconds();
    if (now - o->looked < LOOK_S)
        return !o->reader_gone;
    o->looked = now;
    publish_fill(o);
    return check(o, ring_peer(o->ring));
}

void *ring_out_claim(struct ring_out *o, uint32_t len)
{
    enter(o);
    while (reader_is_well(o)) {
        void *p = ring_claim(o->ring, len);
        if (p)
            return p;
        if (!check(o, ring_wait_space(o->ring, len, WAIT_MS)) || stop_signal)
            break;
        if (atomic_load(&o->failing)) { /* lets the other thread end the program */
            pthread_mutex_unlock(&o->mutex);
            enter(o);
        }
    }
    pthread_mutex_unlock(&o->mutex);
    return NULL;
}

void ring_out_commit(struct ring_out *o)
{
    ring_commit(o->ring);
    pthread_mutex_unlock(&o->mutex);
}

bool ring_out_reader_gone(const struct ring_out *o)
{
    return o->reader_gone;
}

void ring_out_close(struct ring_out *o, bool whole)
{
    int rc = RING_ETIMEDOUT;
    enter(o);
    while (whole && !stop_signal && rc != RING_OK && goes_on(rc))
        rc = ring_wait_reader(o->ring, WAIT_MS);
    if (whole && !stop_signal)
        check(o, ring_peer(o->ring));
    at_failure_cancel(o);
    ring_close(o->ring);
    pthread_mutex_unlock(&o->mutex);
    pthread_mutex_destroy(&o->mutex);
    free(o->name);
    free(o);
}

/* ---- reader ---- */

struct ring_in *ring_in_open(const char *endpoint)
{
    struct ring_in *in = xcalloc(1, sizeof *in);
    double until = now_seconds() + WRITER_WAIT_S;
    for (;;) {
        int rc = ring_open(&in->ring, ring_name(endpoint), WAIT_MS);
        if (rc == RING_OK)
            return in;
        if (stop_signal)
            exit(signal_exit_code());
        if (rc != RING_ENOTREADY && !goes_on(rc))
            refuse(endpoint, rc);
        if (now_seconds() > until)
            die("%s: no writer within %d seconds", endpoint, WRITER_WAIT_S);
    }
}

/* Copies a record: the writer, or another program that maps the memory, could otherwise change it between its
 * check and its use. */
static const void *copy_out(struct ring_in *in, const void *p, uint32_t len)
{
    if (!in->copy || len > in->cap) {
        free(in->copy);
        in->cap = len > 4096 ? len : 4096;
        in->copy = xmalloc(in->cap);
    }
    memcpy(in->copy, p, len);
    ring_release(in->ring);
    return in->copy;
}

const void *ring_in_next(struct ring_in *in, uint32_t *len, int *why)
{
    for (*why = RING_OK; !stop_signal; *why = RING_OK) {
        const void *p = ring_peek(in->ring, len);
        if (p)
            return copy_out(in, p, *len);
        *why = ring_wait_data(in->ring, WAIT_MS);
        if (!goes_on(*why))
            return NULL;
    }
    return NULL;
}

const char *ring_in_strerror(int why)
{
    return why == RING_EPEERDEAD ? "the writer died" : ring_strerror(why);
}

void ring_in_close(struct ring_in *in)
{
    if (!in)
        return;
    ring_close(in->ring);
    free(in->copy);
    free(in);
}
