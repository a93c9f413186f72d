/*
 * rings: a file of these bytes where a ring is looked for is refused, or read record by record within its
 * bounds, as what a producer of this boot that lives, or has gone, may have left there. The identities that
 * nobody could guess are put right by choice.
 */
#include "shm/ring.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "shm/process.h"
#include "shm/segment.h"
#include "tests/fuzz/fuzz.h"

static char name[40], path[SEGMENT_PATH];

static void remove_file(void)
{
    unlink(path);
}

static void put_right(struct segment_header *h, uint8_t choice, size_t len)
{
    uint64_t boot[2];
    MUST(boot_identity(boot) == 0);
    h->magic = SEGMENT_MAGIC;
    h->version = SEGMENT_VERSION;
    h->header_bytes = SEGMENT_HEADER;
    h->capacity = len - SEGMENT_HEADER;
    h->boot[0] = boot[0];
    h->boot[1] = boot[1];
    h->producer = process_identity(choice & 2 ? getpid() : 1);
    h->consumer = 0;
    if (choice & 4) /* else as it comes */
        h->get = 0;
}

static void read_all(struct ring *r)
{
    const uint8_t *p;
    uint32_t len;
    uint64_t sum = 0;
    for (int i = 0; i < 1000 && (p = ring_peek(r, &len)); i++) {
        MUST(len <= ring_capacity(r));
        for (uint32_t k = 0; k < len; k++)
            sum += p[k];
        ring_release(r);
    }
    MUST(sum < UINT64_MAX);
    (void)ring_fill(r);
    MUST(*ring_strerror(ring_wait_data(r, 0)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    uint8_t choice = fuzz_choice(&bytes, &len);
    struct ring *r;
    if (!name[0]) {
        snprintf(name, sizeof name, "fuzz-%d", (int)getpid());
        MUST(segment_path(path, name) == RING_OK);
        atexit(remove_file);
    }
    enum { ROOM = SEGMENT_HEADER + 4096 }; /* the smallest ring: bytes after these are zero */
    static _Alignas(128) uint8_t file[ROOM];
    memset(file, 0, ROOM);
    memcpy(file, bytes, len < ROOM ? len : ROOM);
    size_t n = choice & 8 && len < ROOM ? len : ROOM;
    if (choice & 1 && n == ROOM)
        put_right((struct segment_header *)file, choice, ROOM);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    MUST(fd >= 0 && write(fd, file, n) == (ssize_t)n && close(fd) == 0);
    int rc = ring_open(&r, name, 0);
    MUST((rc == RING_OK) == (r != NULL) && *ring_strerror(rc));
    if (r)
        read_all(r);
    ring_close(r);
    return 0;
}
