/*
 * nfc.c - normalise what needs it, with utf8proc; most text needs nothing
 *
 * A character that is a starter, stays itself and joins with nothing before it
 * is a boundary: what follows it is normalised apart from what is before it.
 * Only stretches from one boundary to the next that hold another kind of character go to utf8proc.
 */
#include "pipeline/text/nfc.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "pipeline/lib/log.h"
#include "pipeline/text/unicode.h"

enum { FIRST = 0x300, FIRST_LEAD = 0xcc };      /* all below are boundaries; how its UTF-8 begins */

static uint8_t not_boundary[0x110000 / 8];      /* bits */

static bool stays(utf8proc_int32_t c)
{
    utf8proc_int32_t out[32];
    int last = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char(c, out, 32, UTF8PROC_STABLE | UTF8PROC_DECOMPOSE, &last);
    if (n == 1)
        return out[0] == c;
    n = utf8proc_normalize_utf32(out, n, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    return n == 1 && out[0] == c;
}

static void find_boundaries(void)
{
    for (utf8proc_int32_t c = FIRST; c < 0x110000; c++) {
        const utf8proc_property_t *p = utf8proc_get_property(c);
        bool second = p->comb_index != UINT16_MAX && p->comb_index >= 0x8000;
        bool jamo = (c >= 0x1161 && c <= 0x1175) || (c >= 0x11a8 && c <= 0x11c2);
        if (p->combining_class != 0 || second || jamo || (p->decomp_seqindex != UINT16_MAX && !stays(c)))
            not_boundary[c / 8] |= (uint8_t)(1 << c % 8);
    }
}

static bool is_boundary(const unsigned char *s, size_t len)
{
    uint32_t c = len == 2 ? (s[0] & 0x1fu) << 6 | (s[1] & 0x3f)
               : len == 3 ? (s[0] & 0xfu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3f)
               : len == 4 ? (s[0] & 7u) << 18 | (s[1] & 0x3fu) << 12 | (s[2] & 0x3fu) << 6 | (s[3] & 0x3f) : s[0];
    return !(not_boundary[c / 8] >> c % 8 & 1);
}

static void add_normalised(struct strbuf *buf, const char *text, size_t len)
{
    utf8proc_uint8_t *out;
    utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, &out,
                                      UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (n < 0)
        die("cannot normalise text: %s", utf8proc_errmsg(n));
    strbuf_add(buf, out, (size_t)n);
    free(out);
}

const char *nfc(struct strbuf *buf, const char *text, size_t len, size_t *n_out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const uint8_t *classes = unicode_classes();
    const unsigned char *s = (const unsigned char *)text;
    size_t boundary = 0, copied = 0, n;         /* text[0..copied) is in buf */
    strbuf_reset(buf);
    for (size_t i = 0; i < len; i += n) {
        n = 1;
        if (s[i] < 0x80) {
            boundary = i;
            continue;
        }
        if (unicode_at(classes, s + i, len - i, &n) == CLASS_END) {
            boundary = i + 1;
            n = 1;
            continue;
        }
        if (s[i] >= FIRST_LEAD)
            pthread_once(&once, find_boundaries);
        if (s[i] < FIRST_LEAD || is_boundary(s + i, n)) {
            boundary = i;
            continue;
        }
        size_t end = i + n;
        while (end < len && unicode_at(classes, s + end, len - end, &n) != CLASS_END && !is_boundary(s + end, n))
            end += n;
        strbuf_add(buf, text + copied, boundary - copied);
        add_normalised(buf, text + boundary, end - boundary);
        copied = boundary = end;
        n = end - i;
    }
    *n_out = len;
    if (copied == 0)
        return text;
    strbuf_add(buf, text + copied, len - copied);
    *n_out = buf->len;
    return buf->s;
}
