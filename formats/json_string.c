#include "formats/json_string.h"

#include "formats/json_escape.h"
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

/* Takes the escape of a code point, behind its backslash. */
static bool unescape_code(struct json_cursor *c)
{
    int v = c->end - c->at >= 5 && *c->at == 'u' ? hex4(c->at + 1) : -1;
    if (v < 0 || (v >= 0xdc00 && v < 0xe000))
        return false;
    c->at += 5;
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

static bool valid_utf8(const char *s, const char *end)
{
    while (s < end) {
        uint64_t word = 0;
        if (end - s >= 8)
            memcpy(&word, s, 8);
        if (end - s >= 8 && !(word & 0x8080808080808080u)) {
            s += 8;
            continue;
        }
        size_t n = (unsigned char)*s < 0x80 ? 1 : utf8_char(s, (size_t)(end - s));
        if (n == 0)
            return false;
        s += n;
    }
    return true;
}

bool json_take_string(struct json_cursor *c, const char **s, size_t *len)
{
    bool unchecked = false;
    *s = c->out;
    if (!json_take(c, '"'))
        return false;
    for (;;) {
        json_unescape(&c->at, c->end, &c->out, &unchecked);
        if (c->at == c->end)
            return false;
        char stop = *c->at++;
        if (stop == '"')
            break;
        if (stop != '\\' || !unescape_code(c))
            return false;
    }
    *len = (size_t)(c->out - *s);
    *c->out++ = '\0';
    return !unchecked || valid_utf8(*s, *s + *len);
}
