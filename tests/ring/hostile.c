/*
 * hostile.c - a peer that writes anything anywhere in the segment: no call leaves the ring's bytes or hangs
 */
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include "tests/ring/ring.h"

static bool within(const void *p, uint64_t len, const unsigned char *base, uint64_t capacity)
{
    uint64_t at = (uint64_t)((const unsigned char *)p - base);
    return at >= SEGMENT_HEADER && at <= SEGMENT_HEADER + capacity && len <= SEGMENT_HEADER + capacity - at;
}

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
    touch(p, len);
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

/* Mutations between the calls of both sides. */
void test_hostile(uint64_t mutations)
{
    const uint64_t capacity = 4096;
    uint64_t refused = 0, used = 0;
    for (uint64_t n = 0; n < mutations;) {
        struct ring *p, *c;
        CHECK(ring_pair(&p, &c, capacity) == RING_OK);
        unsigned char *base = (unsigned char *)ring_claim(p, 0) - 8 - SEGMENT_HEADER;
        for (uint64_t k = rnd() % 20; k > 0; k--) /* a state from which to go wrong */
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
void test_hostile_race(unsigned ms)
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
    printf("hostile race: %llu mutations against %llu rings\n", (unsigned long long)*count,
           (unsigned long long)rings);
    CHECK(*count > 1000);
    munmap(count, 4096);
}
