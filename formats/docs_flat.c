#include "formats/docs_flat.h"

#include "formats/docs.h"
#include "formats/json_text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DIGITS = 18 }; /* any number of so many digits fits into 64 bits */

struct cursor {
    const char *at, *end;
    char
        *out; /* has room for all of the text, a NUL for each field, and 8 bytes that copying may overshoot */
};

static void skip_space(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r'))
        c->at++;
}

static bool take(struct cursor *c, char want)
{
    skip_space(c);
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
static void copy_plain(struct cursor *c, uint64_t *seen)
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

static void put_utf8(struct cursor *c, uint32_t p)
{
    int more = p < 0x80 ? 0 : p < 0x800 ? 1 : p < 0x10000 ? 2 : 3;
    static const uint32_t lead[] = {0, 0xc0, 0xe0, 0xf0};
    *c->out++ = (char)(lead[more] | p >> (6 * more));
    while (more-- > 0)
        *c->out++ = (char)(0x80 | (p >> (6 * more) & 0x3f));
}

/* Handles an escape after \u. */
static bool unescape_code(struct cursor *c)
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
    put_utf8(c, p);
    return true;
}

/* Handles an escape after the backslash. */
static bool unescape(struct cursor *c)
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

/* Reads a string after its opening quote. */
static bool take_string(struct cursor *c, struct flat_field *f)
{
    uint64_t seen = 0;
    f->kind = FLAT_STRING;
    f->s = c->out;
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
    f->len = (size_t)(c->out - f->s);
    *c->out++ = '\0';
    return !(seen & 0x8080808080808080u) || valid_utf8(f->s, f->s + f->len);
}

static bool take_integer(struct cursor *c, struct flat_field *f)
{
    const char *start = c->at, *digits = start + (*start == '-');
    for (c->at = digits; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
        ;
    size_t n = (size_t)(c->at - digits);
    if (n == 0 || n > MAX_DIGITS ||
        *digits == '0') /* zero needs rules of its own: 0, -0 and 0.5 are valid, 01 is not */
        return false;
    if (c->at < c->end && (*c->at == '.' || *c->at == 'e' || *c->at == 'E'))
        return false;
    f->kind = FLAT_INTEGER;
    f->s = c->out;
    f->len = (size_t)(c->at - start);
    memcpy(c->out, start, f->len);
    c->out += f->len;
    *c->out++ = '\0';
    return true;
}

static bool take_value(struct cursor *c, struct flat_field *f)
{
    skip_space(c);
    if (c->at == c->end)
        return false;
    if (*c->at == '"') {
        c->at++;
        return take_string(c, f);
    }
    if (c->end - c->at >= 4 && memcmp(c->at, "null", 4) == 0) {
        c->at += 4;
        f->kind = FLAT_NULL;
        return true;
    }
    return take_integer(c, f);
}

/* Keys are short and plain: ASCII without escapes. */
static bool take_key(struct cursor *c, struct flat_field *f)
{
    if (!take(c, '"'))
        return false;
    f->key = c->at;
    while (c->at < c->end && *c->at != '"' && *c->at != '\\' && *c->at >= 0x20)
        c->at++;
    f->key_len = (size_t)(c->at - f->key);
    return c->at < c->end && *c->at++ == '"' && take(c, ':');
}

static bool key_is(const struct flat_field *f, const char *key, size_t len)
{
    return f->key_len == len && memcmp(f->key, key, len) == 0;
}

static bool take_field(struct flat_object *f, struct cursor *c)
{
    if (f->n == FLAT_MAX_FIELDS)
        return false;
    struct flat_field *field = &f->fields[f->n];
    if (!take_key(c, field))
        return false;
    for (size_t i = 0; i < f->n; i++)
        if (key_is(&f->fields[i], field->key, field->key_len))
            return false;
    f->n++;
    return take_value(c, field);
}

int flat_parse(struct flat_object *f, const char *json, size_t len)
{
    f->n = 0;
    size_t need = len + FLAT_MAX_FIELDS + 8;
    if (need > f->cap) {
        char *bytes = realloc(f->bytes, need + need / 2);
        if (!bytes)
            return 0;
        f->bytes = bytes;
        f->cap = need + need / 2;
    }
    struct cursor c = {json, json + len, f->bytes};
    if (!take(&c, '{'))
        return 0;
    do
        if (!take_field(f, &c))
            return 0;
    while (take(&c, ','));
    if (!take(&c, '}'))
        return 0;
    skip_space(&c);
    return c.at == c.end;
}

const struct flat_field *flat_find(const struct flat_object *f, const char *key)
{
    size_t len = strlen(key);
    for (size_t i = 0; i < f->n; i++)
        if (key_is(&f->fields[i], key, len))
            return &f->fields[i];
    return NULL;
}
