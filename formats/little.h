/*
 * little.h - numbers in files: the lowest byte first
 */
#ifndef FORMATS_LITTLE_H
#define FORMATS_LITTLE_H

#include <stdint.h>

static inline void little_put(unsigned char *at, uint64_t x, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (unsigned char)(x >> 8 * i);
}

static inline uint64_t little_get(const unsigned char *at, int bytes)
{
    uint64_t x = 0;
    for (int i = 0; i < bytes; i++)
        x |= (uint64_t)at[i] << 8 * i;
    return x;
}

#endif
