#include "formats/json_string.h"

#include "formats/json_text.h"

#include <stdint.h>
#include <string.h>

void json_skip_space(struct json_cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r'))
        c->at++;
}

bool json_take(struct json_cursor *c, char want)
{
    json_skip_space(c);
    if (c->at == c->end || *c->at != want)
        return false;
    c->at++;
    return true;
}

/* Sets the high bit of bytes that end a plain run: '"', '\\', below 0x20. Only the lowest set bit is exact.
 */
static uint64_t special_bytes(uint64_t v)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    uint64_t quote = v ^ ones * '"', backslash = v ^ ones * '\\';
    return (((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | ((v - ones * 0x20) & ~v)) & high;
}

/* Copies up to the next byte that is not plain; *seen collects the high bits of the bytes. */
static void copy_plain(struct json_cursor *c, uint64_t *seen)
{
    uint64_t v, stop = 0;
    while (c->end - c->at >= 8) {
        memcpy(&v, c->at, 8);
        memcpy(c->out, &v, 8);
        *seen |= v;
        stop = special_bytes(v);
        if (stop)
            break;
        c->at += 8, c->out += 8;
    }
    if (stop) {
        unsigned n = (unsigned)__builtin_ctzll(stop) / 8;
        c->at += n, c->out += n;
        return;
    }
    while (c->at < c->end && *c->at != '"' && *c->at != '\\' && (unsigned char)*c->at >= 0x20) {
        *seen |= (uint64_t)(unsigned char)*c->at << 56;
        *c->out++ = *c->at++;
    }
}

static int hex4(const char *s)
{
    int v = 0;
    for (int i = 0; i < 4; i++) {
        char d = s[i];
        int x = d >= '0' && d <= '9'                 ? d - '0'
                : (d | 32) >= 'a' && (d | 32) <= 'f' ? (d | 32) - 'a' + 10
                                                     : -1;
        if (x < 0)
            return -1;
        v = v << 4 | x;
    }
    return v;
}

static void put_utf8(struct json_cursor *c, uint32_t p)
{
    int more = p < 0x80 ? 0 : p < 0x800 ? 1 : p < 0x10000 ? 2 : 3;
    static const uint32_t lead[] = {0, 0xc0, 0xe0, 0xf0};
    *c->out++ = (char)(lead[more] | p >> (6 * more));
    while (more-- > 0)
        *c->out++ = (char)(0x80 | (p >> (6 * more) & 0x3f));
}

/* Handles an escape after \u. */
static bool unescape_code(struct json_cursor *c)
{
    int v = c->end - c->at >= 4 ? hex4(c->at) : -1;
    if (v < 0 || (v >= 0xdc00 && v < 0xe000))
        return false;
    c->at += 4;
    uint32_t p = (uint32_t)v;
    if (v >= 0xd800 && v < 0xdc00) {
        int low = c->end - c->at >= 6 && c->at[0] == '\\' && c->at[1] == 'u' ? hex4(c->at + 2) : -1;
        if (low < 0xdc00 || low >= 0xe000)
            return false;
        p = 0x10000 + ((p - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
        c->at += 6;
    }
    c->nul |= p == 0;
    put_utf8(c, p);
    return true;
}

/* Handles an escape after the backslash. */
static bool unescape(struct json_cursor *c)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (c->at == c->end)
        return false;
    char e = *c->at++;
    if (e == 'u')
        return unescape_code(c);
    const char *found = memchr(from, e, sizeof from - 1);
    if (found)
        *c->out++ = to[found - from];
    return found;
}

static bool valid_utf8(const char *s, const char *end)
{
    while (s < end) {
        size_t n = (unsigned char)*s < 0x80 ? 1 : utf8_char(s, (size_t)(end - s));
        if (n == 0)
            return false;
        s += n;
    }
    return true;
}

bool json_take_string(struct json_cursor *c, const char **s, size_t *len)
{
    uint64_t seen = 0;
    *s = c->out;
    if (!json_take(c, '"'))
        return false;
    for (;;) {
        copy_plain(c, &seen);
        if (c->at == c->end)
            return false;
        char stop = *c->at++;
        if (stop == '"')
            break;
        if (stop != '\\' || !unescape(c))
            return false;
    }
    *len = (size_t)(c->out - *s);
    *c->out++ = '\0';
    return !(seen & 0x8080808080808080u) || valid_utf8(*s, *s + *len);
}
