/*
 * warp.cpp - ldmatrix and mma, as the PTX manual's figures say
 */
#include "tests/cuda/shim/shim.h"

#include <cstring>

static uint16_t element(const unsigned char *slots, int matrix, int row, int column)
{
    const char *from;
    uint16_t x;
    memcpy(&from, slots + (8 * matrix + row) * SHIM_SLOT, sizeof from);
    memcpy(&x, from + 2 * column, 2);
    return x;
}

static void touch(const unsigned char *slots, int matrix, int row, int column, size_t bytes)
{
    const char *from;
    memcpy(&from, slots + (8 * matrix + row) * SHIM_SLOT, sizeof from);
    shim_touch(from + 2 * column, bytes, false);
}

void shim_ldmatrix(unsigned *d, const void *p, bool transposed)
{
    if ((uintptr_t)p % 16)
        shim_fail("ldmatrix: misaligned");
    int lane = (int)(shim_thread() % SHIM_LANES), major = lane / 4, minor = 2 * (lane % 4);
    const unsigned char *slots = shim_exchange(transposed ? 6 : 5, &p, sizeof p);
    for (int i = 0; i < 4; i++) {
        if (transposed) {
            touch(slots, i, minor, major, 2);
            touch(slots, i, minor + 1, major, 2);
            d[i] = element(slots, i, minor, major) | (unsigned)element(slots, i, minor + 1, major) << 16;
        } else {
            touch(slots, i, major, minor, 4);
            d[i] = element(slots, i, major, minor) | (unsigned)element(slots, i, major, minor + 1) << 16;
        }
    }
}

static void widen(float *to, unsigned pair)
{
    unsigned lo = pair << 16, hi = pair & 0xffff0000u;
    memcpy(to, &lo, 4);
    memcpy(to + 1, &hi, 4);
}

void shim_mma_bf16(float *d, const unsigned *a, unsigned b0, unsigned b1)
{
    /* row l/4: columns 2(l%4), +1 and + 8; row l/4 + 8: the same; column l/4 of b: the same rows */
    float mine[12];
    int lane = (int)(shim_thread() % SHIM_LANES);
    enum { WORDS = SHIM_SLOT / 4 };
    widen(mine, a[0]);
    widen(mine + 2, a[2]);
    widen(mine + 4, a[1]);
    widen(mine + 6, a[3]);
    widen(mine + 8, b0);
    widen(mine + 10, b1);
    const float *all = (const float *)shim_exchange(7, mine, sizeof mine);
    for (int e = 0; e < 4; e++) {
        const float *x = all + lane / 4 * 4 * WORDS + e / 2 * 4,
                    *y = all + (2 * (lane % 4) + e % 2) * 4 * WORDS + 8;
        float sum = 0;
        for (int t = 0; t < 4 * WORDS; t += WORDS)
            sum += x[t] * y[t] + x[t + 1] * y[t + 1] + x[t + 2] * y[t + 2] + x[t + 3] * y[t + 3];
        d[e] += sum;
    }
}
