/*
 * basic.c - the ring in one process: each call, and a stream between two threads
 */
#include <pthread.h>
#include <string.h>
#include "tests/ring/ring.h"

static void empty(struct ring *p, struct ring *c)
{
    uint32_t len;
    CHECK(ring_capacity(p) == 4096 && ring_max_record(p) == 2040 && ring_fill(c) == 0);
    CHECK(ring_peek(c, &len) == NULL);
    CHECK(ring_wait_data(c, 0) == RING_ETIMEDOUT);
    CHECK(ring_claim(p, 2041) == NULL && ring_wait_space(p, 2041, -1) == RING_ETOOBIG);
    CHECK(ring_claim(p, UINT32_MAX) == NULL && ring_wait_space(p, UINT32_MAX, -1) == RING_ETOOBIG);
}

static void one_record(struct ring *p, struct ring *c)
{
    uint32_t len;
    void *q = ring_claim(p, 100);
    CHECK(q && (uintptr_t)q % 8 == 0);
    CHECK(ring_peek(c, &len) == NULL, "visible before commit");
    CHECK(ring_claim(p, 3) == q, "a second claim replaces the first");
    memcpy(q, "abc", 3);
    ring_commit(p);
    ring_commit(p); /* nothing claimed: nothing happens */
    CHECK(ring_fill(p) == 16 && ring_fill(c) == 16);
    const char *s = ring_peek(c, &len);
    CHECK(s && len == 3 && memcmp(s, "abc", 3) == 0);
    CHECK(ring_peek(c, &len) == s && len == 3, "the same until released");
    ring_release(c);
    ring_release(c);
    CHECK(ring_fill(p) == 0 && ring_peek(c, &len) == NULL);
}

/* Two of the longest fill it exactly when they start at 0. */
static void full(struct ring *p, struct ring *c)
{
    uint32_t len;
    while (ring_claim(p, 0) && (ring_commit(p), true))
        ;
    CHECK(ring_fill(p) == 4096 && ring_wait_space(p, 0, 20) == RING_ETIMEDOUT);
    for (int i = 0; i < 512; i++) {
        CHECK(ring_peek(c, &len) && len == 0);
        ring_release(c);
    }
    CHECK(ring_wait_space(p, 2040, 0) == RING_OK);
}

/* The producer closes: what was committed still comes, what was only claimed does not. */
static void producer_closes(struct ring *p, struct ring *c)
{
    uint32_t len;
    CHECK(ring_peek(p, &len) == NULL && ring_claim(c, 1) == NULL, "each call has its side");
    CHECK(ring_claim(p, 5));
    ring_commit(p);
    CHECK(ring_claim(p, 5)); /* dropped by close */
    ring_close(p);
    CHECK(ring_wait_data(c, -1) == RING_OK && ring_peek(c, &len) && len == 5);
    ring_release(c);
    CHECK(ring_wait_data(c, -1) == RING_ECLOSED && ring_peek(c, &len) == NULL);
}

void test_basic(void)
{
    struct ring *p, *c;
    CHECK(ring_pair(&p, &c, 4096) == RING_OK);
    empty(p, c);
    one_record(p, c);
    full(p, c);
    producer_closes(p, c);
    ring_close(c);

    CHECK(ring_pair(&p, &c, 4096) == RING_OK);
    CHECK(ring_peer(p) == RING_OK && ring_peer(c) == RING_OK);
    ring_close(c);
    CHECK(ring_peer(p) == RING_ECLOSED && ring_wait_space(p, 1, -1) == RING_ECLOSED);
    ring_close(p);
    ring_close(NULL);
}

/* Every place within a cache line, lengths on both sides of where copies begin to pass the caches. */
void test_copy(void)
{
    enum { MOST = 1300 };
    static _Alignas(64) unsigned char to[MOST + 128], from[MOST];
    for (size_t i = 0; i < sizeof from; i++)
        from[i] = (unsigned char)(i * 7 + i / 256);
    for (size_t at = 0; at < 64; at++)
        for (size_t n = 0; n <= MOST; n += n < 70 || (n > 1000 && n < 1100) ? 1 : 37) {
            memset(to, 0xee, sizeof to);
            ring_copy(to + at, from, n);
            CHECK(memcmp(to + at, from, n) == 0, "%zu bytes to %zu", n, at);
            CHECK((at == 0 || to[at - 1] == 0xee) && to[at + n] == 0xee, "%zu bytes to %zu: beyond", n, at);
        }
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

/* Two threads on one mapping, which is what ThreadSanitizer can see. */
void test_threads(uint64_t records)
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
