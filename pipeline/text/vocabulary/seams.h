/*
 * seams.h - places within a piece that no token crosses
 *
 * Nothing merges across such a place, so both sides merge as if they were alone. Long pieces of Chinese and
 * Japanese fall into parts there, short enough to be found in a cache. Looked for between characters of three
 * bytes, by two Bloom filters of what tokens hold: pairs of characters, and, from tokens that begin or end
 * inside one, its last byte with the next character. A place that passes for crossed by mistake is only not
 * used.
 */
#ifndef VOCABULARY_SEAMS_H
#define VOCABULARY_SEAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SEAM_PAIR_BITS = 20, SEAM_PART_BITS = 19 };

struct seams {
    uint64_t *pairs; /* NULL: not built, no seams; seams_free */
    uint64_t *parts;
};

void seams_new(struct seams *s);
/* Notes what a token crosses. */
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

/* Length of a piece of valid UTF-8 up to its first seam, or all of it. */
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
