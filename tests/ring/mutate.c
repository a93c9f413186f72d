/*
 * mutate.c - nonsense in a ring's segment
 */
#include "tests/ring/ring.h"

static const uint16_t header_fields[] = {0, 8, 12, 16, 24, 32, 40, 48, 128, 136, 256, 264, 384, 512};

static uint64_t nasty(const unsigned char *base, uint64_t capacity)
{
    uint64_t near = *(const uint64_t *)(base + (rnd() % 2 ? 128 : 256));
    switch (rnd() % 8) {
    case 0:
        return rnd();
    case 1:
        return near + 8 * (rnd() % 64) - 256;
    case 2:
        return near + capacity + 8 * (rnd() % 3) - 8;
    case 3:
        return rnd() % 3;
    case 4:
        return UINT64_MAX - rnd() % 16;
    case 5:
        return near + rnd() % capacity;
    case 6:
        return (uint64_t)(rnd() % 2 ? 0x61746164u : 0x20646170u) << 32 | (uint32_t)(rnd() % (2 * capacity));
    default:
        return (uint64_t)1 << rnd() % 64;
    }
}

/* Writes nonsense somewhere in the segment: cursors and record headers most of all. */
void mutate(unsigned char *base, uint64_t capacity)
{
    uint64_t at = rnd() % 4 ? (uint64_t)header_fields[rnd() % (sizeof header_fields / sizeof *header_fields)]
                            : SEGMENT_HEADER + 8 * (rnd() % (capacity / 8));
    if (rnd() % 3 == 0)
        at = rnd() % 2 ? 128 : 256;
    else if (rnd() % 3 == 0) /* the record that comes next */
        at = SEGMENT_HEADER + (*(const uint64_t *)(base + 256) & (capacity - 8));
    uint64_t v = nasty(base, capacity);
    __atomic_store_n((uint64_t *)(base + at), v, __ATOMIC_RELAXED);
}

void touch(const unsigned char *p, uint32_t len)
{
    static volatile unsigned sink;
    for (uint32_t i = 0; i < len; i++)
        sink += p[i];
}
