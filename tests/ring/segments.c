/*
 * segments.c - what may lie at a ring's name: damaged headers, other files, rings of the dead and of the
 * living
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "shm/process.h"
#include "tests/ring/ring.h"

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
    CHECK((access(path_of(name), F_OK) == 0) == stays || strcmp(what, "symlink") == 0, "%s: stays or goes",
          what);
}

static void one_field_differs(const char *name, const char *path, uint64_t me)
{
    static const struct {
        const char *what;
        int rc;
        uint32_t at, bytes;
        uint64_t value;
    } fields[] = {
        {"magic", RING_EFORMAT, 0, 8, 0x1234},
        {"unpublished", RING_ENOTREADY, 0, 8, 0},
        {"version", RING_EVERSION, 8, 4, 2},
        {"header bytes", RING_EFORMAT, 12, 4, 8192},
        {"capacity 0", RING_EFORMAT, 16, 8, 0},
        {"capacity + 1", RING_EFORMAT, 16, 8, 4097},
        {"capacity * 2", RING_EFORMAT, 16, 8, 8192},
        {"capacity huge", RING_EFORMAT, 16, 8, (uint64_t)1 << 63},
        {"no producer", RING_EFORMAT, 40, 8, 0},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct segment_header *h = plant(path, 4096, me);
        memcpy((unsigned char *)h + fields[i].at, &fields[i].value, fields[i].bytes);
        munmap(h, SEGMENT_HEADER + 4096);
        expect(name, fields[i].rc == RING_ENOTREADY ? RING_EFORMAT : fields[i].rc, fields[i].rc,
               fields[i].what);
    }
}

/* Files that are not what they should be. */
static void other_files(const char *name, const char *path, uint64_t me)
{
    munmap(plant(path, 4096, me), SEGMENT_HEADER + 4096);
    CHECK(chmod(path, 0644) == 0);
    expect(name, RING_EFORMAT, RING_EFORMAT, "mode");
    CHECK(chmod(path, 0600) == 0 && truncate(path, 4096 + 100) == 0);
    expect(name, RING_EFORMAT, RING_EFORMAT, "too short");
    CHECK(truncate(path, 4096 + 8192) == 0);
    expect(name, RING_EFORMAT, RING_EFORMAT, "holes, and another size");
    if (geteuid() == 0) {
        munmap(plant(path, 4096, identity_of_nobody()), SEGMENT_HEADER + 4096);
        CHECK(chown(path, 12345, (gid_t)-1) == 0);
        expect(name, RING_EFORMAT, RING_EFORMAT, "owner");
    }
    unlink(path);
    CHECK(mkdir(path, 0700) == 0);
    expect(name, RING_EFORMAT, RING_EFORMAT, "directory");
    rmdir(path);
    CHECK(mkfifo(path, 0600) == 0);
    expect(name, RING_EFORMAT, RING_EFORMAT, "fifo");
    unlink(path);
}

static void symbolic_link(const char *name, const char *path)
{
    char target[SEGMENT_PATH + 8];
    snprintf(target, sizeof target, "%s.target", path);
    munmap(plant(target, 4096, identity_of_nobody()), SEGMENT_HEADER + 4096);
    CHECK(symlink(target, path) == 0);
    expect(name, RING_EFORMAT, RING_EFORMAT, "symlink");
    CHECK(access(target, F_OK) == 0, "a link's target is left alone");
    unlink(path);
    unlink(target);
}

/* Well-made ones of the dead are taken over; of the living, not. */
static void dead_and_living(const char *name, const char *path, uint64_t me)
{
    struct segment_header *h = plant(path, 4096, me);
    struct ring *r;
    h->boot[0] ^= 1;
    munmap(h, SEGMENT_HEADER + 4096);
    expect(name, RING_OK, RING_EPEERDEAD, "old boot id, by open");
    h = plant(path, 4096, me);
    h->boot[1] ^= 1;
    munmap(h, SEGMENT_HEADER + 4096);
    CHECK(ring_create(&r, name, 4096) == RING_OK, "old boot id, by create");
    ring_close(r);
    munmap(plant(path, 4096, me + ((uint64_t)1 << 24)), SEGMENT_HEADER + 4096);
    CHECK(ring_create(&r, name, 4096) == RING_OK, "reused pid");
    ring_close(r);
    munmap(plant(path, 4096, me - ((uint64_t)1 << 24)), SEGMENT_HEADER + 4096);
    expect(name, RING_OK, RING_EPEERDEAD, "reused pid");
    munmap(plant(path, 4096, identity_of_nobody()), SEGMENT_HEADER + 4096);
    expect(name, RING_OK, RING_EPEERDEAD, "dead producer");
    h = plant(path, 4096, me);
    h->consumer = me;
    munmap(h, SEGMENT_HEADER + 4096);
    expect(name, RING_EBUSY, RING_EBUSY, "in use by two");
    unlink(path);
}

static void two_of_one_name(const char *name, const char *path)
{
    struct ring *r, *first, *second;
    CHECK(ring_create(&first, name, 4096) == RING_OK && ring_create(&second, name, 4096) == RING_EBUSY);
    CHECK(access(path, F_OK) == 0 && second == NULL);
    CHECK(ring_open(&second, name, 0) == RING_OK && ring_create(&r, name, 4096) == RING_OK,
          "the name is free again");
    CHECK(ring_wait_space(first, 0, 0) == RING_OK, "a second consumer does not close the ring for the first");
    ring_close(first);
    ring_close(second);
    CHECK(access(path, F_OK) == 0, "closing the old ring leaves the new one's name");
    ring_close(r);
}

static void bad_arguments(const char *name)
{
    struct ring *r;
    static const char *const bad_names[] = {
        "", "a/b", "../x", "a b", "a\n", "12345678901234567890123456789012345678901234567890123456789012345"};
    for (size_t i = 0; i < sizeof bad_names / sizeof *bad_names; i++)
        CHECK(ring_create(&r, bad_names[i], 4096) == RING_ESYS && errno == EINVAL &&
                  ring_open(&r, bad_names[i], 0) == RING_ESYS && errno == EINVAL,
              "name %zu", i);
    static const uint64_t bad_sizes[] = {0, 1, 2048, 4095, 4097, 12288, (uint64_t)1 << 41, UINT64_MAX};
    for (size_t i = 0; i < sizeof bad_sizes / sizeof *bad_sizes; i++)
        CHECK(ring_create(&r, name, bad_sizes[i]) == RING_ESYS && errno == EINVAL);
}

void test_bad_segments(void)
{
    const char *name = test_name("bad");
    char path[SEGMENT_PATH];
    uint64_t me = process_identity(getpid());
    CHECK(segment_path(path, name) == RING_OK && me != 0);
    one_field_differs(name, path, me);
    other_files(name, path, me);
    symbolic_link(name, path);
    dead_and_living(name, path, me);
    two_of_one_name(name, path);
    bad_arguments(name);
}

/* Headers with anything in them, opened. */
void test_mutated_open(uint64_t rounds)
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
                touch(p, len);
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
