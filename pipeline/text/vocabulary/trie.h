/*
 * trie.h - finds the longest of many byte strings that a text begins with
 *
 * The trie is a double array: the child of a node by byte b is unit base ^ b, if that unit's byte is b. No
 * two nodes have the same base, so one load tells whether there is a child, its value, and where its children
 * are.
 *
 *   unit: base (32 bits) | value (23 bits, 0: no string ends here) | 1: used | byte
 *
 * Units 0 to 255 belong to base 0, which nodes without children have; only unit 0, the root, is used. Source:
 * Aoe 1989, IEEE TSE 15(9); the exclusive or is darts-clone's.
 */
#ifndef VOCABULARY_TRIE_H
#define VOCABULARY_TRIE_H

#include <stddef.h>
#include <stdint.h>

enum { TRIE_MAX_VALUE = (1 << 23) - 1 };

struct trie {
    uint64_t *units; /* freed by trie_free */
    uint32_t n_units;
};

struct trie_string {
    uint64_t head; /* the first eight bytes, of which the first is the highest; zeros follow the last */
    const char *bytes;
    uint32_t len;   /* > 0 */
    uint32_t value; /* from 1 to TRIE_MAX_VALUE */
};
struct trie_string trie_string(const char *bytes, size_t len, uint32_t value);

/* strings: fewer than 2^32, all different; they are sorted. shorter[value]: set to the value of the longest
 * other string that the one with this value begins with, or 0. */
void trie_build(struct trie *t, struct trie_string *strings, size_t n, uint32_t *shorter);
void trie_free(struct trie *t);

/* Returns value and length of the longest string that s begins with; 0 (and length 0): none. */
static inline uint32_t trie_longest(const struct trie *t, const unsigned char *s, size_t n, size_t *len)
{
    uint64_t unit = t->units[0];
    uint32_t value = 0;
    *len = 0;
    for (size_t i = 0; i < n; i++) {
        unit = t->units[(uint32_t)(unit >> 32) ^ s[i]];
        if ((unit & 0x1ff) != (0x100u | s[i]))
            break;
        uint32_t here = (uint32_t)unit >> 9;
        value = here ? here : value;
        *len = here ? i + 1 : *len;
    }
    return value;
}

#endif
