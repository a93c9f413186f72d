#include "pipeline/tokenize/fim.h"

#include <xxhash.h>

static uint64_t next(uint64_t *state)
{
    return *state = XXH3_64bits_withSeed(state, sizeof *state, 0x66696d);
}

/* The start of the character that a byte belongs to; in what is no UTF-8 at most 3 bytes back. */
static size_t boundary(const char *text, size_t len, size_t at)
{
    for (size_t back = 0; back < 4 && back <= at; back++)
        if (at - back == len || ((unsigned char)text[at - back] & 0xc0) != 0x80)
            return at - back;
    return at;
}

bool fim_choose(const char *text, size_t len, double rate, uint64_t seed, struct fim_cut *cut)
{
    uint64_t state = XXH3_64bits_withSeed(text, len, seed);
    if ((double)(next(&state) >> 11) / 9007199254740992.0 >= rate) /* 53 bits */
        return false;
    cut->spm = next(&state) >> 63;
    size_t a = boundary(text, len, next(&state) % (len + 1)),
           b = boundary(text, len, next(&state) % (len + 1));
    cut->from = a < b ? a : b;
    cut->to = a < b ? b : a;
    return true;
}
