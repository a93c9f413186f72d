/*
 * names.h - the names of tokens as a file spells them, found by hash
 */
#ifndef VOCABULARY_NAMES_H
#define VOCABULARY_NAMES_H

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

/* Returns NULL when there is no such name. */
const struct name *names_find(const struct names *x, const char *s, size_t len);
/* Adds a name that is not there. */
void names_add(struct names *x, const char *s, size_t len, uint32_t id);
void names_free(struct names *x);

#endif
