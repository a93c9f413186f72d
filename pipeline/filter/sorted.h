/*
 * sorted.h - sorted keys in a temporary file without a name, which the system removes whatever happens
 */
#ifndef FILTER_SORTED_H
#define FILTER_SORTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sorted {
    const uint64_t *keys; /* n of them, each of 1 or 2 words; mapped */
    size_t n;
    unsigned words;
};

/* Sorts the keys in place, and writes them. They are in nearly the right order already, as a table by their
 * upper bits holds them. These calls die naming the directory. */
struct sorted sorted_write(uint64_t *keys, size_t n, unsigned words, const char *dir);
/* A file with the keys of both, which have none in common. Closes them. */
struct sorted sorted_merge(struct sorted *a, struct sorted *b, const char *dir);
/* Keys are hashes: they are looked for where their value says that they are. */
bool sorted_has(const struct sorted *f, const uint64_t *key);
void sorted_close(struct sorted *f);

#endif
