#include "pipeline/eval/mersenne.h"
#include "pipeline/lib/fs.h"

#include <math.h>
#include <stdlib.h>

enum { N = 624, M = 397 };

void mersenne_seed(struct mersenne *m, uint64_t seed)
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    const int words = key[1] ? 2 : 1;
    uint32_t *s = m->state;
    s[0] = 19650218;
    for (uint32_t i = 1; i < N; i++)
        s[i] = 1812433253 * (s[i - 1] ^ s[i - 1] >> 30) + i;
    int i = 1, j = 0;
    for (int k = 0; k < N; k++) {
        s[i] = (s[i] ^ (s[i - 1] ^ s[i - 1] >> 30) * 1664525) + key[j] + (uint32_t)j;
        j = (j + 1) % words;
        if (++i == N)
            s[0] = s[N - 1], i = 1;
    }
    for (int k = 0; k < N - 1; k++) {
        s[i] = (s[i] ^ (s[i - 1] ^ s[i - 1] >> 30) * 1566083941) - (uint32_t)i;
        if (++i == N)
            s[0] = s[N - 1], i = 1;
    }
    s[0] = 0x80000000;
    m->at = N;
}

static uint32_t next(struct mersenne *m)
{
    uint32_t *s = m->state;
    if (m->at == N) {
        for (int i = 0; i < N; i++) {
            uint32_t y = (s[i] & 0x80000000) | (s[(i + 1) % N] & 0x7fffffff);
            s[i] = s[(i + M) % N] ^ y >> 1 ^ (y & 1 ? 0x9908b0df : 0);
        }
        m->at = 0;
    }
    uint32_t y = s[m->at++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680;
    y ^= y << 15 & 0xefc60000;
    return y ^ y >> 18;
}

/* A number below n, 0 < n < 2^32: as many bits as n has, until they are below n. */
static size_t below(struct mersenne *m, size_t n)
{
    int bits = 64 - __builtin_clzll(n);
    uint32_t r;
    do
        r = next(m) >> (32 - bits);
    while (r >= n);
    return r;
}

static bool has(const size_t *v, size_t n, size_t x)
{
    for (size_t i = 0; i < n; i++)
        if (v[i] == x)
            return true;
    return false;
}

void mersenne_sample(struct mersenne *m, size_t n, size_t k, size_t *out)
{
    double set = 21 + (k > 5 ? pow(4, ceil(log((double)k * 3) / log(4))) : 0); /* Python's choice of method */
    if ((double)n > set) {
        for (size_t i = 0; i < k; i++)
            do
                out[i] = below(m, n);
            while (has(out, i, out[i]));
        return;
    }
    size_t *pool = xcalloc(n + 1, sizeof *pool);
    for (size_t i = 0; i < n; i++)
        pool[i] = i;
    for (size_t i = 0; i < k; i++) {
        size_t j = below(m, n - i);
        out[i] = pool[j];
        pool[j] = pool[n - i - 1];
    }
    free(pool);
}

void mersenne_shuffle(struct mersenne *m, size_t *v, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = below(m, i), moved = v[i - 1];
        v[i - 1] = v[j];
        v[j] = moved;
    }
}
