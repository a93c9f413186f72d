#include "pipeline/filter/minhash.h"

#include "pipeline/lib/random.h"

#include <string.h>
#include <xxhash.h>

enum { HASHES = BANDS * ROWS, BLOCK = 64 };

uint64_t words_hash(const struct word *w, unsigned n)
{
    uint64_t h = n;
    for (unsigned i = 0; i < n; i++)
        h = (h ^ w[i].hash) * RANDOM_GAMMA + (h >> 29);
    return h ^ h >> 32;
}

/* Lowers each minimum by the hashes of n shingles. The hash functions are multiply-shift (Dietzfelbinger et
 * al. 1997): the upper half of a * x + b, with random a and b of 64 bits. */
__attribute__((target_clones("avx512f", "avx2", "default"))) static void
lower(uint32_t least[HASHES], const uint64_t a[HASHES], const uint64_t b[HASHES], const uint32_t *x, size_t n)
{
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < HASHES; i++) {
            uint32_t h = (uint32_t)((a[i] * x[j] + b[i]) >> 32);
            least[i] = h < least[i] ? h : least[i];
        }
}

bool minhash(const struct words *w, uint64_t keys[BANDS])
{
    uint64_t a[HASHES], b[HASHES], state = 1;
    uint32_t least[HASHES], block[BLOCK];
    size_t n = 0;
    if (w->n < SHINGLE)
        return false;
    for (size_t i = 0; i < HASHES; i++) {
        a[i] = random_next(&state);
        b[i] = random_next(&state);
    }
    memset(least, 0xff, sizeof least);
    for (size_t i = 0; i + SHINGLE <= w->n; i++) {
        block[n++] = (uint32_t)words_hash(w->v + i, SHINGLE);
        if (n == BLOCK || i + SHINGLE == w->n) {
            lower(least, a, b, block, n);
            n = 0;
        }
    }
    for (unsigned i = 0; i < BANDS; i++)
        keys[i] = XXH3_64bits_withSeed(least + (size_t)i * ROWS, ROWS * sizeof *least, i);
    return true;
}
