#include "formats/json_text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The ranges are those of Unicode's table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF. */
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

/* Bytes that go out as they are: all of ASCII but controls, quote and backslash. */
static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void write_escape(FILE *f, unsigned char c)
{
    static const char letters[] = "btn\0fr"; /* for 8 .. 13 */
    if (c == '"' || c == '\\')
        fprintf(f, "\\%c", c);
    else if (c >= 8 && c <= 13 && letters[c - 8])
        fprintf(f, "\\%c", letters[c - 8]);
    else
        fprintf(f, "\\u%04x", c);
}

void json_text_write(FILE *f, const char *s, size_t n, uint64_t *replaced)
{
    putc_unlocked('"', f);
    for (size_t i = 0; i < n;) {
        size_t run = i;
        size_t width = 0;
        while (run < n && (is_plain((unsigned char)s[run]) ||
                           ((unsigned char)s[run] >= 0x80 && (width = utf8_char(s + run, n - run)) > 0))) {
            run += width ? width : 1;
            width = 0;
        }
        fwrite_unlocked(s + i, 1, run - i, f);
        i = run;
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
    char *clean = malloc(3 * n + 1), *to = clean; /* a byte becomes three at most */
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
