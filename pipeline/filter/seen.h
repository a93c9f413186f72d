/*
 * seen.h - the keys that have been there before, in bounded memory
 *
 * Keys are hashes. They are in a table in memory; when it is full, they are sorted into a temporary file,
 * which has no name, and the table begins anew. Files of similar size are merged, so that a few remain. A
 * look-up goes to the table, then, for keys that a Bloom filter does not rule out, by interpolation into each
 * file, which is mapped. The answers are exact and do not depend on the memory.
 */
#ifndef FILTER_SEEN_H
#define FILTER_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen;

/* words: 64-bit words of a key, 1 or 2. memory: bytes of table, sorting and filter together; SEEN_LEAST at
 * least. dir: where temporary files are made; valid until seen_free. */
enum { SEEN_LEAST = 1 << 16 };
struct seen *seen_new(unsigned words, uint64_t memory, const char *dir);
/* Adds a key. Returns whether it was there before. Dies when a temporary file cannot be written. */
bool seen_add(struct seen *s, const uint64_t *key);
/* The number of keys that were written to files, each time that they were. */
uint64_t seen_spilled(const struct seen *s);
void seen_free(struct seen *s);

#endif
