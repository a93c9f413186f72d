/*
 * element.h - arrays of f32 or bf16 in the tests: one element of them, and a digest of all their bits
 */
#ifndef TESTS_ELEMENT_H
#define TESTS_ELEMENT_H

#include <string.h>
#include "kernels/ops.h"

#define DIGEST_START 0xcbf29ce484222325u

static inline float widen(uint16_t h)
{
    uint32_t u = (uint32_t)h << 16;
    float f;
    memcpy(&f, &u, 4);
    return f;
}

static inline float element(const void *p, size_t i, enum dtype t)
{
    return t == DTYPE_BF16 ? widen(((const uint16_t *)p)[i]) : ((const float *)p)[i];
}

/* Stores f, in bf16 cut off; returns what is stored. */
static inline float element_cut(void *p, size_t i, enum dtype t, float f)
{
    uint32_t bits;
    memcpy(&bits, &f, 4);
    if (t == DTYPE_BF16)
        ((uint16_t *)p)[i] = bits >> 16;
    else
        ((float *)p)[i] = f;
    return element(p, i, t);
}

static inline void digest_add(uint64_t *digest, const void *p, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 8) {
        uint64_t word = 0;
        memcpy(&word, (const char *)p + i, bytes - i < 8 ? bytes - i : 8);
        *digest = (*digest ^ word) * 0x9e3779b97f4a7c15u;
        *digest ^= *digest >> 29;
    }
}

#endif
