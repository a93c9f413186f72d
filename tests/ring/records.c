/*
 * records.c - records whose length and every byte follow from their number, sent and checked
 */
#include "tests/random.h"
#include "tests/ring/ring.h"

uint32_t record_len(uint64_t n, uint32_t max)
{
    uint64_t h = mix64(n * 7 + 1);
    switch (h % 8) {
    case 0:
        return (uint32_t)(h >> 8) % 9; /* 0 too */
    case 1:
        return max - (uint32_t)(h >> 8) % 9; /* the longest too */
    case 2:
        return (uint32_t)((h >> 8) % (max + 1));
    default:
        return (uint32_t)((h >> 8) % (max < 200 ? max + 1 : 200));
    }
}

static void fill_record(unsigned char *p, uint32_t len, uint64_t n)
{
    uint64_t x = mix64(n + 99);
    for (uint32_t i = 0; i < len; i++) {
        p[i] = (unsigned char)(x >> 32);
        x = x * 6364136223846793005u + 1442695040888963407u;
    }
}

bool record_is(const unsigned char *p, uint32_t len, uint64_t n, uint32_t max)
{
    uint64_t x = mix64(n + 99);
    if (len != record_len(n, max))
        return false;
    for (uint32_t i = 0; i < len; i++) {
        if (p[i] != (unsigned char)(x >> 32))
            return false;
        x = x * 6364136223846793005u + 1442695040888963407u;
    }
    return true;
}

int send_record(struct ring *r, uint64_t n, int timeout_ms)
{
    uint32_t len = record_len(n, ring_max_record(r));
    unsigned char *p;
    while (!(p = ring_claim(r, len))) {
        int rc = ring_wait_space(r, len, timeout_ms);
        if (rc)
            return rc;
    }
    fill_record(p, len, n);
    ring_commit(r);
    return RING_OK;
}

void consume(struct ring *r, uint64_t records)
{
    uint32_t len, max = ring_max_record(r);
    for (uint64_t n = 0;;) {
        const void *p = ring_peek(r, &len);
        if (!p) {
            int rc = ring_wait_data(r, -1);
            if (rc == RING_ECLOSED) {
                CHECK(n == records, "%llu of %llu came", (unsigned long long)n, (unsigned long long)records);
                return;
            }
            CHECK(rc == RING_OK, "%s", ring_strerror(rc));
            continue;
        }
        CHECK(record_is(p, len, n, max), "record %llu", (unsigned long long)n);
        ring_release(r);
        n++;
    }
}
