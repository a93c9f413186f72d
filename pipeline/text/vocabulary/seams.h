/*
 * seams.h - finds seams: places within a piece that no token crosses
 *
 * Nothing merges across a seam, so both sides merge as if they were alone. At seams, long pieces of Chinese
 * and Japanese are cut into parts that are short enough for a cache. Seams are searched for between
 * three-byte characters, with two Bloom filters. One holds the pairs of characters that occur within tokens.
 * The other is for tokens that begin or end inside a character: it holds the last byte of a character with
 * the character after it. A false positive of a filter only means that a seam is not used.
 */
#ifndef VOCABULARY_SEAMS_H
#define VOCABULARY_SEAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SEAM_PAIR_BITS = 20, SEAM_PART_BITS = 19 };

struct seams {
    uint64_t *pairs; /* NULL: not built, so no seams are found; freed by seams_free */
    uint64_t *parts;
};

void seams_new(struct seams *s);
/* Records the places that a token crosses. */
void seams_add(struct seams *s, const char *bytes, size_t len);
void seams_free(struct seams *s);

static inline uint64_t seam_pair(uint32_t left, uint32_t right)
{
    return ((uint64_t)left << 24 | right) * 0x9e3779b97f4a7c15u >> (64 - SEAM_PAIR_BITS);
}

static inline uint64_t seam_part(uint32_t left, uint32_t right)
{
    return ((uint64_t)(left & 0xff) << 24 | right) * 0x9e3779b97f4a7c15u >> (64 - SEAM_PART_BITS);
}

static inline bool seam_bit(const uint64_t *bits, uint64_t i)
{
    return bits[i / 64] >> i % 64 & 1;
}

/* Returns the length of a piece of valid UTF-8 up to its first seam, or all of it. */
static inline size_t seam_next(const struct seams *s, const char *piece, size_t len)
{
    const unsigned char *b = (const unsigned char *)piece;
    uint32_t left = 0;
    if (!s->pairs || b[len - 1] < 0x80)
        return len;
    for (size_t at = 0; at + 3 <= len;) {
        if (b[at] >> 4 != 0xe) {
            left = 0, at++;
            continue;
        }
        uint32_t right = (uint32_t)b[at] << 16 | (uint32_t)b[at + 1] << 8 | b[at + 2];
        if (left && !seam_bit(s->pairs, seam_pair(left, right)) &&
            !seam_bit(s->parts, seam_part(left, right)))
            return at;
        left = right, at += 3;
    }
    return len;
}

#endif
