/*
 * ring.h - single-producer, single-consumer queue of variable-length
 * records in POSIX shared memory. Byte layout: shm/ring.md.
 *
 *   producer                     consumer
 *   p = ring_claim(r, len)       p = ring_peek(r, &len)
 *   fill p[0..len)               read p[0..len)
 *   ring_commit(r)               ring_release(r)
 *
 * Positions put and get are 64-bit byte counts that only grow; the index is
 * position & (capacity - 1). Invariant: 0 <= put - get <= capacity. Each is
 * written by one side only, on its own cache lines. Ordering edges, named
 * again where they occur in ring.c:
 *   R1 commit  stores put (release) -> A1 peek  loads put (acquire)
 *   R2 release stores get (release) -> A2 claim loads get (acquire)
 *
 * claim and peek never block: they say "full" or "empty". ring_wait_* sleep on a futex until there is
 * something to do, the peer ends, or time runs out. No call here prints or exits. A handle belongs to the
 * process (not a child of it) and to one thread at a time. Where a signal handler only sets a flag, wait with
 * a time-out and check the flag in between: a signal that comes just before the sleep does not end it.
 *
 * Payloads stay in memory that the peer can write: read each value that a decision depends on once, into a
 * local, and check that.
 */
#ifndef SHM_RING_H
#define SHM_RING_H

#include <stdint.h>
#include <stddef.h>
#include <string.h>

enum {
    RING_OK = 0,
    RING_ESYS = -1,      /* see errno */
    RING_ENOTREADY = -2, /* the creator has not published the header, or there is no such ring yet: retry */
    RING_EFORMAT = -3,   /* not a ring, bad size, wrong owner or mode, or damaged */
    RING_EVERSION = -4,  /* a ring of another version */
    RING_EBUSY = -5,     /* the name is in use by a live producer, or another consumer was first */
    RING_ETIMEDOUT = -6,
    RING_EPEERDEAD = -7, /* the other side died without closing */
    RING_ECLOSED = -8,   /* the producer closed and everything was read, or the consumer closed */
    RING_ETOOBIG = -9,   /* longer than ring_max_record, so it can never fit */
};

struct ring; /* one process's handle; ring_close frees it */

/* name: letters, digits, '.', '_', '-'; at most 64; becomes /dev/shm/tritter-<uid>-NAME, mode 0600. capacity:
 * bytes, a power of two, >= 4096. The producer creates the ring and replaces a stale segment of dead
 * processes. Bad name or capacity: RING_ESYS with EINVAL. The name belongs to a file that is no usable ring:
 * RING_EFORMAT, RING_EVERSION. */
int ring_create(struct ring **out, const char *name, uint64_t capacity);
/* The consumer opens the ring. It waits up to timeout_ms for the producer to create it (0: does not wait, <
 * 0: no limit). It unlinks the name once attached, so that nothing is left in /dev/shm however the two
 * processes end. It removes a dead producer's segment and waits for another; RING_EPEERDEAD if none came,
 * RING_ENOTREADY if there was none at all. */
int ring_open(struct ring **out, const char *name, int timeout_ms);
/* Creates both ends of a nameless ring, for two threads of one process. */
int ring_pair(struct ring **producer, struct ring **consumer, uint64_t capacity);
/* Called by the producer: ends the stream (an attached consumer still reads what is there) and removes the
 * name. A record claimed and not committed is dropped. Called by the consumer: it will read no more. NULL is
 * fine. */
void ring_close(struct ring *r);
/* Called by the producer before ring_close: returns RING_OK once a consumer has attached. Without one,
 * committed records would vanish with the name. */
int ring_wait_reader(struct ring *r, int timeout_ms);

/* NULL: full now, too big, or the consumer is gone (ring_wait_space tells which). 8-byte aligned. The
 * consumer sees nothing before ring_commit; a second claim before that replaces the first. */
void *ring_claim(struct ring *r, uint32_t len);
void ring_commit(struct ring *r);
/* Copies n bytes into a record that was claimed: of many bytes, much faster than memcpy for the side that
 * reads them. ring_copy_long takes any n from 64. */
void ring_copy_long(void *to, const void *from, size_t n);
static inline void ring_copy(void *to, const void *from, size_t n)
{
    n < 1024 ? (void)memcpy(to, from, n) : ring_copy_long(to, from, n);
}
/* NULL: empty now (ring_wait_data tells why). *len is validated against the ring. Every call returns the same
 * record until ring_release. */
const void *ring_peek(struct ring *r, uint32_t *len);
void ring_release(struct ring *r);

/* RING_OK: try again now. Otherwise RING_ETIMEDOUT, RING_EPEERDEAD (noticed within 100 ms), RING_ECLOSED,
 * RING_EFORMAT (the peer wrote invalid data) or RING_ETOOBIG. timeout_ms < 0: no limit. Interrupted by a
 * signal: RING_ESYS with EINTR. A producer waits on while it has no consumer yet. */
int ring_wait_space(struct ring *r, uint32_t len, int timeout_ms);
int ring_wait_data(struct ring *r, int timeout_ms);

/* Tells the state of the other side, without waiting. RING_OK: it lives, or no consumer has come yet;
 * RING_ECLOSED; RING_EPEERDEAD. Costs a system call or two, so it is not meant for every record. */
int ring_peer(struct ring *r);

uint64_t ring_capacity(const struct ring *r);
uint32_t
ring_max_record(const struct ring *r);    /* longest payload: half the capacity less the record's header */
uint64_t ring_fill(const struct ring *r); /* bytes in the ring now */
const char *ring_strerror(int err);       /* RING_ESYS: strerror(errno) */

#endif
