/*
 * names.h - the names of tokens as a file spells them, found by hash
 */
#ifndef VOCABULARY_NAMES_H
#define VOCABULARY_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct name {
    const char *s; /* borrowed, with a NUL behind it */
    uint32_t len, id;
};

struct name_slot {
    uint32_t hash, place; /* place + 1 in names.v; 0: empty */
};

struct names {      /* all zeros: none */
    struct name *v; /* in the order in which they came; owned */
    uint32_t n, cap;
    struct name_slot *slots; /* 2 * cap of them, a power of two; owned */
};

uint32_t names_hash(const char *s, size_t len);
/* Fetches what names_find will look at for a name with this hash. */
void names_prefetch(const struct names *x, uint32_t hash);
/* Returns NULL when there is no such name. */
const struct name *names_find(const struct names *x, const char *s, size_t len);
/* The same, given the hash. */
const struct name *names_find_hash(const struct names *x, uint32_t hash, const char *s, size_t len);
/* Adds a name. False: it is there already. */
bool names_add(struct names *x, const char *s, size_t len, uint32_t id);
void names_free(struct names *x);

#endif
