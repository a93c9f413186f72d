#include "formats/json_text.h"

#include "formats/json_escape.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The ranges are those of Unicode's table 3-7: no overlong forms, no surrogates, and nothing above U+10FFFF.
 */
size_t utf8_char(const char *s, size_t n)
{
    const unsigned char *u = (const unsigned char *)s;
    unsigned low = 0x80, high = 0xbf;
    size_t len;
    if (u[0] < 0x80)
        return 1;
    if (u[0] < 0xc2 || u[0] > 0xf4)
        return 0;
    if (u[0] < 0xe0) {
        len = 2;
    } else if (u[0] < 0xf0) {
        len = 3;
        low = u[0] == 0xe0 ? 0xa0 : 0x80;
        high = u[0] == 0xed ? 0x9f : 0xbf;
    } else {
        len = 4;
        low = u[0] == 0xf0 ? 0x90 : 0x80;
        high = u[0] == 0xf4 ? 0x8f : 0xbf;
    }
    if (n < len || u[1] < low || u[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if (u[i] < 0x80 || u[i] > 0xbf)
            return 0;
    return len;
}

uint32_t utf8_value(const char *s, size_t width)
{
    const unsigned char *u = (const unsigned char *)s;
    uint32_t value = width == 1 ? u[0] : u[0] & (0x7fu >> width);
    for (size_t i = 1; i < width; i++)
        value = value << 6 | (u[i] & 0x3f);
    return value;
}

/* Adds the escape of a byte of ASCII that has none of one letter. */
static void add_code(char **to, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    memcpy(*to, (char[6]){'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]}, 6);
    *to += 6;
}

/* Adds the characters beyond ASCII at s, or U+FFFD for a byte that is not UTF-8. Returns the bytes that were
 * read; *to moves. */
static size_t add_high(char **to, const char *s, size_t n, uint64_t *replaced)
{
    size_t width = utf8_char(s, n);
    memcpy(*to, width ? s : "\xef\xbf\xbd", width ? width : 3);
    *to += width ? width : 3;
    *replaced += width == 0;
    return width ? width : 1;
}

void json_text_write(FILE *f, const char *s, size_t n, uint64_t *replaced)
{
    enum { ROOM = 16 << 10, AT_ONCE = 4 << 10, LONGEST = 6 };
    char buf[ROOM + 2 * AT_ONCE + JSON_OVERSHOOT + LONGEST], *to = buf;
    *to++ = '"';
    for (size_t i = 0; i < n;) {
        if (to >= buf + ROOM) {
            fwrite_unlocked(buf, 1, (size_t)(to - buf), f);
            to = buf;
        }
        size_t part = n - i < AT_ONCE ? n - i : AT_ONCE, run = json_escape(&to, s + i, part);
        i += run;
        if (run == part)
            continue;
        if ((unsigned char)s[i] < 0x80)
            add_code(&to, (unsigned char)s[i++]);
        else
            i += add_high(&to, s + i, n - i, replaced);
    }
    *to++ = '"';
    fwrite_unlocked(buf, 1, (size_t)(to - buf), f);
}

json_t *json_text(const char *s, size_t n)
{
    static const char replacement[] = "\xef\xbf\xbd";
    char *clean = malloc(3 * n + 1), *to = clean; /* a byte becomes at most three */
    if (!clean)
        return NULL;
    for (size_t i = 0; i < n;) {
        size_t width = utf8_char(s + i, n - i);
        memcpy(to, width ? s + i : replacement, width ? width : 3);
        to += width ? width : 3;
        i += width ? width : 1;
    }
    json_t *text = json_stringn(clean, (size_t)(to - clean));
    free(clean);
    return text;
}
