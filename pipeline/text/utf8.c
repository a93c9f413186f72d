/*
 * utf8.c - where text stops being UTF-8
 *
 * Strict, as RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#include "pipeline/text/pretokenizer.h"

#include <stdint.h>
#include <string.h>

static size_t character(const unsigned char *s, size_t n)
{
    unsigned char c = s[0];
    if (c < 0x80)
        return 1;
    if (c < 0xc2 || c > 0xf4)
        return 0;
    size_t want = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (n < want || (s[1] & 0xc0) != 0x80)
        return 0;
    if ((c == 0xe0 && s[1] < 0xa0) || (c == 0xed && s[1] > 0x9f) || (c == 0xf0 && s[1] < 0x90) || (c == 0xf4 && s[1] > 0x8f))
        return 0;
    for (size_t i = 2; i < want; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return want;
}

size_t utf8_prefix(const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t i = 0;
    while (i < len) {
        uint64_t word;
        while (len - i >= 8) {          /* eight ASCII bytes at once */
            memcpy(&word, s + i, 8);
            if (word & 0x8080808080808080u)
                break;
            i += 8;
        }
        if (i == len)
            break;
        size_t n = character(s + i, len - i);
        if (n == 0)
            break;
        i += n;
    }
    return i;
}
