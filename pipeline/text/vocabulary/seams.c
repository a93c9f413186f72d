#include "pipeline/text/vocabulary/seams.h"

#include <stdlib.h>

#include "pipeline/lib/fs.h"

static void set_bit(uint64_t *bits, uint64_t i)
{
    bits[i / 64] |= (uint64_t)1 << i % 64;
}

static bool continues(unsigned char c)
{
    return c >> 6 == 2;
}

/* Returns how many bytes of a three-byte character end at b[at], 1 to 3; 0: the character there has another
 * length. */
static size_t left_bytes(const unsigned char *b, size_t at)
{
    size_t n = 0;
    while (n < at && n < 3 && continues(b[at - 1 - n]))
        n++;
    if (n == at)
        return n < 3 ? n : 0;
    return n == 2 && b[at - 3] >> 4 == 0xe ? 3 : 0;
}

/* Returns how many bytes of a three-byte character begin at b[at], 1 to 3; 0: the character there has another
 * length. */
static size_t right_bytes(const unsigned char *b, size_t len, size_t at)
{
    size_t n = 1;
    while (n < 3 && at + n < len && continues(b[at + n]))
        n++;
    return n == 3 || at + n == len ? n : 0;
}

/* Adds all characters that begin with the n bytes at b. */
static void add_parts(struct seams *s, unsigned char left, const unsigned char *b, size_t n)
{
    uint32_t right = 0, rest = (uint32_t)1 << 6 * (3 - n);
    for (size_t i = 0; i < 3; i++)
        right = right << 8 | (i < n ? b[i] : 0x80u);
    for (uint32_t k = 0; k < rest; k++)
        set_bit(s->parts, seam_part(left, right | (k & 0x3f) | (k >> 6) << 8));
}

void seams_new(struct seams *s)
{
    s->pairs = xcalloc(((size_t)1 << SEAM_PAIR_BITS) / 64, sizeof *s->pairs);
    s->parts = xcalloc(((size_t)1 << SEAM_PART_BITS) / 64, sizeof *s->parts);
}

void seams_add(struct seams *s, const char *bytes, size_t len)
{
    const unsigned char *b = (const unsigned char *)bytes;
    for (size_t at = 1; at < len; at++) {
        if (b[at] >> 4 != 0xe)
            continue;
        size_t l = left_bytes(b, at), r = right_bytes(b, len, at);
        if (l == 0 || r == 0)
            continue;
        if (l < 3 || r < 3) {
            add_parts(s, b[at - 1], b + at, r);
            continue;
        }
        uint32_t left = (uint32_t)b[at - 3] << 16 | (uint32_t)b[at - 2] << 8 | b[at - 1];
        set_bit(s->pairs, seam_pair(left, (uint32_t)b[at] << 16 | (uint32_t)b[at + 1] << 8 | b[at + 2]));
    }
}

void seams_free(struct seams *s)
{
    free(s->pairs);
    free(s->parts);
}
