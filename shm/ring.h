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
 * claim and peek never block: they say "full" or "empty". ring_wait_* sleep on
 * a futex until there is something to do, the peer ends, or time runs out.
 * No call here prints or exits. A handle belongs to the process (not a child
 * of it) and to one thread at a time. Where a signal handler only sets a flag,
 * wait with a time-out and look at the flag in between: a signal that comes
 * just before the sleep does not end it.
 *
 * Payloads stay in memory that the peer can write: read what decides something
 * once, into a local, and check it there.
 */
#ifndef SHM_RING_H
#define SHM_RING_H

#include <stdint.h>
#include <stddef.h>

enum {
    RING_OK = 0,
    RING_ESYS = -1,      /* see errno */
    RING_ENOTREADY = -2, /* creator has not published the header, or no such ring yet: retry */
    RING_EFORMAT = -3,   /* not a ring, bad size, wrong owner or mode, damaged */
    RING_EVERSION = -4,  /* a ring of another version */
    RING_EBUSY = -5,     /* name is in use by a live producer; or another consumer was first */
    RING_ETIMEDOUT = -6,
    RING_EPEERDEAD = -7, /* the other side died without closing */
    RING_ECLOSED = -8,   /* the producer closed and everything was read; or the consumer closed */
    RING_ETOOBIG = -9,   /* longer than ring_max_record: can never fit */
};

struct ring; /* one process's handle; ring_close frees it */

/* name: letters, digits, '.', '_', '-'; at most 64; becomes /dev/shm/tritter-<uid>-NAME, mode 0600.
 * capacity: bytes, power of two, >= 4096. The producer creates; a stale segment of dead processes is
 * replaced. Bad name or capacity: RING_ESYS with EINVAL. A name held by what is not our ring: RING_EFORMAT,
 * RING_EVERSION. */
int ring_create(struct ring **out, const char *name, uint64_t capacity);
/* The consumer opens. Waits up to timeout_ms for the producer to create it (0: does not wait, < 0: no limit).
 * Unlinks the name once attached, so that nothing is left in /dev/shm however the two end from then on. A
 * dead producer's segment is removed and another waited for; RING_EPEERDEAD if none came, RING_ENOTREADY if
 * there was none at all. */
int ring_open(struct ring **out, const char *name, int timeout_ms);
/* Both ends of a nameless ring, for two threads of one process. */
int ring_pair(struct ring **producer, struct ring **consumer, uint64_t capacity);
/* Producer: end of stream (an attached consumer still reads what is there); removes the name. A record
 * claimed and not committed is dropped. Consumer: no more interest. NULL is fine. */
void ring_close(struct ring *r);
/* Producer, before ring_close: RING_OK once a consumer has attached. Without one, what was committed goes
 * with the name. */
int ring_wait_reader(struct ring *r, int timeout_ms);

/* NULL: full now, too big, or the consumer is gone (ring_wait_space tells). 8-byte aligned. Nothing is
 * visible before ring_commit; a second claim before it replaces the first. */
void *ring_claim(struct ring *r, uint32_t len);
void ring_commit(struct ring *r);
/* NULL: empty now (ring_wait_data tells why). *len is validated against the ring. The same record until
 * ring_release. */
const void *ring_peek(struct ring *r, uint32_t *len);
void ring_release(struct ring *r);

/* RING_OK: try again now. RING_ETIMEDOUT, RING_EPEERDEAD (seen within 100 ms), RING_ECLOSED, RING_EFORMAT
 * (peer wrote nonsense), RING_ETOOBIG. timeout_ms < 0: no limit. Interrupted by a signal: RING_ESYS with
 * EINTR. A producer without a consumer yet goes on waiting. */
int ring_wait_space(struct ring *r, uint32_t len, int timeout_ms);
int ring_wait_data(struct ring *r, int timeout_ms);

/* How the other side is, without waiting. RING_OK: it lives, or no consumer has come yet; RING_ECLOSED;
 * RING_EPEERDEAD. Costs a system call or two: not for every record. */
int ring_peer(struct ring *r);

uint64_t ring_capacity(const struct ring *r);
uint32_t
ring_max_record(const struct ring *r);    /* longest payload: half the capacity less the record's header */
uint64_t ring_fill(const struct ring *r); /* bytes in the ring now */
const char *ring_strerror(int err);       /* RING_ESYS: strerror(errno) */

#endif
