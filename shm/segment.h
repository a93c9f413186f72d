/*
 * segment.h - the shared-memory file under a ring: its header, its name, its owner
 *
 * Inside shm/ and for tests and tools that look at segments; programs use ring.h.
 * Byte layout and rules: shm/ring.md.
 *
 * A segment is built without a name (O_TMPFILE) and linked when it is complete, so that a process killed
 * while creating leaves nothing, and link never replaces what is there. A name is removed only under flock of
 * the file that it names, so that nobody removes a successor of the file that he inspected.
 */
#ifndef SHM_SEGMENT_H
#define SHM_SEGMENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEGMENT_DIR "/dev/shm"
#define SEGMENT_MAGIC 0x0a474e4952545254ull /* "TRTRING\n" */

enum {
    SEGMENT_VERSION = 1,
    SEGMENT_HEADER = 4096, /* bytes before the data */
    SEGMENT_NAME_MAX = 64,
    SEGMENT_PATH = 128, /* room for the longest path of a segment */
};
#define SEGMENT_CAPACITY_MIN ((uint64_t)4096)
#define SEGMENT_CAPACITY_MAX ((uint64_t)1 << 40)

struct segment_header {
    _Atomic uint64_t magic; /* stored last (release) */
    _Atomic uint32_t version;
    _Atomic uint32_t header_bytes;
    _Atomic uint64_t capacity;
    _Atomic uint64_t boot[2];
    _Atomic uint64_t producer; /* process identity */
    _Atomic uint64_t consumer; /* 0 until one attaches (compare and swap) */

    /* 128 bytes, because processors fetch neighbouring cache lines in pairs */
    _Alignas(128) _Atomic uint64_t put; /* written by the producer alone */
    _Atomic uint32_t producer_closed;
    _Alignas(128) _Atomic uint64_t get; /* written by the consumer alone */
    _Atomic uint32_t consumer_closed;
    /* Futex words: 1 while that side sleeps or is about to. They have cache lines of their own, which are
     * rarely written. */
    _Alignas(128) _Atomic uint32_t data_waiter;  /* the consumer waits for data */
    _Alignas(128) _Atomic uint32_t space_waiter; /* the producer waits for space or for a consumer */
};
_Static_assert(offsetof(struct segment_header, consumer) == 48 &&
                   offsetof(struct segment_header, put) == 128 &&
                   offsetof(struct segment_header, get) == 256 &&
                   offsetof(struct segment_header, data_waiter) == 384 &&
                   offsetof(struct segment_header, space_waiter) == 512,
               "as in ring.md");
_Static_assert(sizeof(struct segment_header) <= SEGMENT_HEADER, "the header fits its page");

/* The fields of a segment's header, copied and validated. */
struct segment_info {
    uint64_t capacity, producer, consumer;
    bool same_boot, closed; /* closed: by the producer */
};

/* All return RING_OK or a RING_E code of ring.h. path: char[SEGMENT_PATH]. */
int segment_path(char *path, const char *name);
int segment_capacity_check(uint64_t capacity);

/* Builds a nameless, allocated, mapped segment whose header is complete and published. */
int segment_build(uint64_t capacity, int *fd, struct segment_header **h);
void segment_fill_header(struct segment_header *h, uint64_t capacity, const uint64_t boot[2],
                         uint64_t producer);
/* Links the segment to its name. A stale segment of that name is removed first; RING_EBUSY when the name
 * belongs to a live one. */
int segment_link(int fd, const char *path);
/* Opens and validates the segment at path. On RING_OK the caller owns *fd; no mapping is made.
 * RING_ENOTREADY: errno is ENOENT when there is no file, else EAGAIN. */
int segment_look(const char *path, int *fd, struct segment_info *info);
int segment_map(int fd, uint64_t capacity, struct segment_header **h);
/* Returns true when its producer died without closing. */
bool segment_stale(int fd, const struct segment_info *info);
/* Removes path if it still names fd's file. Returns true when this call removed it. */
bool segment_unlink(int fd, const char *path);

#endif
