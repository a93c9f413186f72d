#include "pipeline/text/pretokenize/bytelevel.h"

#include <stdbool.h>

static bool itself(int byte)
{
    return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

/* Returns the byte that is spelled as the character U+0100 + n: the bytes that are not spelled as themselves,
 * in order. */
static unsigned other(unsigned n)
{
    return n < 33 ? n : n < 67 ? n - 33 + 127 : 173;
}

void bytelevel_spell(struct strbuf *out, const char *bytes, size_t len)
{
    unsigned code[256], next = 256;
    for (int b = 0; b < 256; b++)
        code[b] = itself(b) ? (unsigned)b : next++;
    for (size_t i = 0; i < len; i++) {
        unsigned c = code[(unsigned char)bytes[i]];
        char utf8[2] = {(char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f))};
        if (c < 128)
            strbuf_add(out, &(char){(char)c}, 1);
        else
            strbuf_add(out, utf8, 2);
    }
}

int bytelevel_bytes(struct strbuf *out, const char *spelling, size_t len)
{
    size_t start = out->len, n = start;
    strbuf_add(out, spelling, len); /* there are no more bytes than that */
    out->len = start;
    for (size_t i = 0; i < len; i++) {
        unsigned c = (unsigned char)spelling[i];
        if (c >= 0x80) {
            if (c >= 0xe0 || i + 1 == len) /* U+0800 and above */
                return -1;
            c = (c & 0x1f) << 6 | ((unsigned char)spelling[++i] & 0x3f);
        }
        if (c >= 256 + 68 || (c < 256 && !itself((int)c)))
            return -1;
        out->s[n++] = (char)(c < 256 ? c : other(c - 256));
    }
    out->len = n;
    out->s[n] = '\0';
    return 0;
}
