/*
 * reservoir.h - chooses a bounded number of many records uniformly (reservoir sampling), determined by the
 * seed
 */
#ifndef MEDIA_RESERVOIR_H
#define MEDIA_RESERVOIR_H

#include <stddef.h>
#include <stdint.h>

struct reservoir {
    size_t record_bytes, room, n;
    uint64_t seen, random;
    char *records; /* n records; owned */
};

void reservoir_init(struct reservoir *s, size_t record_bytes, size_t room, uint64_t seed);
void reservoir_add(struct reservoir *s, const void *records, size_t n);
void reservoir_shuffle(struct reservoir *s); /* called when all records have been added */
void reservoir_free(struct reservoir *s);

#endif
