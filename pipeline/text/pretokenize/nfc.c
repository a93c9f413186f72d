/*
 * nfc.c - normalise what needs it, with utf8proc; most text needs nothing
 *
 * A character that is a starter, stays itself and joins with nothing before it
 * is a boundary: what follows it is normalised apart from what is before it.
 * Only stretches from one boundary to the next that hold another kind of character go to utf8proc.
 *
 * The normaliser of the tokenizers library knows Unicode 9. Marks that came later stay where they are, so
 * they are in no stretch.
 */
#include "pipeline/text/pretokenize/nfc.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "pipeline/lib/log.h"
#include "pipeline/text/pretokenize/unicode.h"

enum { FIRST = 0x300, FIRST_LEAD = 0xcc }; /* all below are boundaries; how its UTF-8 begins */

static uint8_t not_boundary[0x110000 / 8]; /* bits */

/* Marks since Unicode 9, and the later half of the one pair that composes since then. */
static const struct unicode_range later[] = {
    {0x7fd, 0x7fd},     {0x898, 0x89f},     {0x8ca, 0x8d3},     {0x9fe, 0x9fe},     {0xc3c, 0xc3c},
    {0xd3b, 0xd3c},     {0xeba, 0xeba},     {0x1715, 0x1715},   {0x1abf, 0x1ace},   {0x1df6, 0x1dfa},
    {0xa82c, 0xa82c},   {0x10d24, 0x10d27}, {0x10eab, 0x10eac}, {0x10efd, 0x10eff}, {0x10f46, 0x10f50},
    {0x10f82, 0x10f85}, {0x11070, 0x11070}, {0x1133b, 0x1133b}, {0x1145e, 0x1145e}, {0x11839, 0x1183a},
    {0x11930, 0x11930}, {0x1193d, 0x1193e}, {0x11943, 0x11943}, {0x119e0, 0x119e0}, {0x11a34, 0x11a34},
    {0x11a47, 0x11a47}, {0x11a99, 0x11a99}, {0x11d42, 0x11d42}, {0x11d44, 0x11d45}, {0x11d97, 0x11d97},
    {0x11f41, 0x11f42}, {0x16ff0, 0x16ff1}, {0x1e08f, 0x1e08f}, {0x1e130, 0x1e136}, {0x1e2ae, 0x1e2ae},
    {0x1e2ec, 0x1e2ef}, {0x1e4ec, 0x1e4ef},
};

static bool is_later(uint32_t c)
{
    for (size_t i = 0; i < sizeof later / sizeof *later; i++)
        if (c >= later[i].first && c <= later[i].last)
            return true;
    return false;
}

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
        if (is_later((uint32_t)c))
            continue;
        if (p->combining_class != 0 || second || jamo || (p->decomp_seqindex != UINT16_MAX && !stays(c)))
            not_boundary[c / 8] |= (uint8_t)(1 << c % 8);
    }
}

static uint32_t code_point(const unsigned char *s, size_t len)
{
    return len == 2   ? (s[0] & 0x1fu) << 6 | (s[1] & 0x3f)
           : len == 3 ? (s[0] & 0xfu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3f)
           : len == 4 ? (s[0] & 7u) << 18 | (s[1] & 0x3fu) << 12 | (s[2] & 0x3fu) << 6 | (s[3] & 0x3f)
                      : s[0];
}

static bool is_boundary(const unsigned char *s, size_t len)
{
    uint32_t c = code_point(s, len);
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
    size_t boundary = 0, copied = 0, n; /* text[0..copied) is in buf */
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
        size_t end = i + n, first;
        if (boundary < i && unicode_at(classes, s + boundary, i - boundary, &first) != CLASS_END &&
            is_later(code_point(s + boundary, first)))
            boundary += first;
        while (end < len && unicode_at(classes, s + end, len - end, &n) != CLASS_END &&
               !is_boundary(s + end, n))
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
