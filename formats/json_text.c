#include "formats/json_text.h"

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

/* Whether a byte is written as it is: all of ASCII but controls, quote and backslash. */
static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Whether all of these 8 bytes are plain. For each byte that is not, some high bit is set; a borrow may set
 * further ones above it. */
static bool are_plain(const char *s)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    uint64_t v;
    memcpy(&v, s, 8);
    uint64_t quote = v ^ ones * '"', backslash = v ^ ones * '\\';
    uint64_t ends = ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash);
    return !((ends | (v - ones * 0x20) | (v + ones) | v) & high);
}

static void write_escape(FILE *f, unsigned char c)
{
    static const char letters[] = "btn\0fr"; /* letters of the escapes for bytes 8 .. 13 */
    char letter = c == '"' || c == '\\' ? (char)c : c >= 8 && c <= 13 ? letters[c - 8] : '\0';
    if (letter) {
        putc_unlocked('\\', f);
        putc_unlocked(letter, f);
    } else {
        fprintf(f, "\\u%04x", c);
    }
}

/* How many bytes from s on are written as they are: plain ones and complete characters. */
static size_t run_length(const char *s, size_t n)
{
    size_t i = 0;
    for (;;) {
        while (n - i >= 8 && are_plain(s + i))
            i += 8;
        if (i == n)
            return i;
        size_t width = (unsigned char)s[i] >= 0x80 ? utf8_char(s + i, n - i) : is_plain((unsigned char)s[i]);
        if (width == 0)
            return i;
        i += width;
    }
}

void json_text_write(FILE *f, const char *s, size_t n, uint64_t *replaced)
{
    putc_unlocked('"', f);
    for (size_t i = 0; i < n;) {
        size_t run = run_length(s + i, n - i);
        fwrite_unlocked(s + i, 1, run, f);
        i += run;
        if (i == n)
            break;
        if ((unsigned char)s[i] < 0x80) {
            write_escape(f, (unsigned char)s[i]);
        } else {
            fputs_unlocked("\xef\xbf\xbd", f);
            ++*replaced;
        }
        i++;
    }
    putc_unlocked('"', f);
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
