/*
 * lies.c - each lie of a peer by itself: refused, and for good, even when it is taken back
 */
#include <string.h>
#include "tests/ring/ring.h"

enum { DATA = 0x61746164, PAD = 0x20646170, START = 4000 }; /* 96 bytes before the end */

static const struct lie {
    const char *what;
    bool to_producer;
    uint32_t kind, len;
    uint64_t put, get;
} lies[] = {
    {"longer than what was committed", false, DATA, 9, START + 16, 0},
    {"across the end", false, DATA, 96, START + 4000, 0},
    {"length 2^32 - 1", false, DATA, UINT32_MAX, START + 4096, 0},
    {"unknown kind", false, 1, 8, START + 16, 0},
    {"padding too short", false, PAD, 80, START + 96, 0},
    {"padding too long", false, PAD, 96, START + 4096, 0},
    {"put beyond the capacity", false, DATA, 8, START + 4096 + 8, 0},
    {"put not a multiple of 8", false, DATA, 8, START + 17, 0},
    {"put gone back", false, DATA, 8, START - 8, 0},
    {"put gone back to 0", false, DATA, 8, 0, 0},
    {"get beyond put", true, 0, 0, 0, START + 24},
    {"get not a multiple of 8", true, 0, 0, 0, START + 4},
    {"get gone back", true, 0, 0, 0, START - 8},
    {"get huge", true, 0, 0, 0, UINT64_MAX - 7},
};

/* A pair whose cursors both stand at START; returns the segment. */
static struct segment_header *pair_at_start(struct ring **p, struct ring **c)
{
    uint32_t len;
    CHECK(ring_pair(p, c, 4096) == RING_OK);
    struct segment_header *h = (void *)((unsigned char *)ring_claim(*p, 0) - 8 - SEGMENT_HEADER);
    for (int k = 0; k < 4; k++) {
        CHECK(ring_claim(*p, 992));
        ring_commit(*p);
        CHECK(ring_peek(*c, &len) && len == 992);
        ring_release(*c);
        CHECK(ring_wait_space(*p, 2040, 0) == RING_OK); /* sees get */
    }
    CHECK(h->put == START && h->get == START);
    return h;
}

static void check_lie(const struct lie *lie)
{
    struct ring *p, *c;
    uint32_t len;
    struct segment_header *h = pair_at_start(&p, &c);
    uint64_t word = (uint64_t)lie->kind << 32 | lie->len;
    memcpy((unsigned char *)h + SEGMENT_HEADER + START, &word, sizeof word);
    if (lie->to_producer) {
        CHECK(ring_claim(p, 8));
        ring_commit(p);
        h->get = lie->get;
    } else {
        h->put = lie->put;
    }
    for (int again = 0; again < 2; again++) {
        if (lie->to_producer)
            CHECK(ring_wait_space(p, 8, 0) == RING_EFORMAT && !ring_claim(p, 8), "%s", lie->what);
        else
            CHECK(!ring_peek(c, &len) && ring_wait_data(c, 0) == RING_EFORMAT, "%s", lie->what);
        h->put = h->get = START;
    }
    ring_close(p);
    ring_close(c);
}

/* A record that the consumer knows of is taken back. */
static void record_taken_back(void)
{
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

void test_lies(void)
{
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++)
        check_lie(&lies[i]);
    record_taken_back();
}
