/*
 * normal_form.c - normalises, with utf8proc, the few stretches of a text that need it
 *
 * A character that is a starter, does not change and does not join with characters before it is a boundary:
 * the text from it on is normalised independently of the text before it. Only stretches between boundaries
 * that hold other characters are passed to utf8proc.
 *
 * The normaliser of the tokenizers library knows Unicode 9. Later characters are left unchanged, so they are
 * in no stretch.
 */
#include "pipeline/text/pretokenize/normal_form.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "pipeline/lib/log.h"
#include "pipeline/text/pretokenize/unicode.h"

enum { HANGUL_FIRST = 0xac00, HANGUL_LAST = 0xd7a3 };

static const struct {
    utf8proc_option_t options;
    unsigned char first_lead; /* the first UTF-8 byte of the lowest character that is no boundary */
    bool composes;
} forms[N_FORMS] = {
    [FORM_NFC] = {UTF8PROC_STABLE | UTF8PROC_COMPOSE, 0xcc, true},                    /* U+0300 */
    [FORM_NFD] = {UTF8PROC_STABLE | UTF8PROC_DECOMPOSE, 0xc3, false},                 /* U+00C0 */
    [FORM_NFKC] = {UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT, 0xc2, true}, /* U+00A0 */
    [FORM_NFKD] = {UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT, 0xc2, false},
};
static uint8_t not_boundary[N_FORMS][0x110000 / 8]; /* one bit for each code point */

/* Characters added since Unicode 9: marks, characters that decompose, and one half of each pair that
 * composes. */
static const struct unicode_range later[] = {
    {0x7fd, 0x7fd},     {0x897, 0x89f},     {0x8ca, 0x8d3},     {0x9fe, 0x9fe},     {0xc3c, 0xc3c},
    {0xd3b, 0xd3c},     {0xeba, 0xeba},     {0x1715, 0x1715},   {0x1abf, 0x1ace},   {0x1df6, 0x1dfa},
    {0x32ff, 0x32ff},   {0xa7f2, 0xa7f4},   {0xa82c, 0xa82c},   {0xab69, 0xab69},   {0x105c9, 0x105c9},
    {0x105d2, 0x105d2}, {0x105da, 0x105da}, {0x105e4, 0x105e4}, {0x10781, 0x10785}, {0x10787, 0x107b0},
    {0x107b2, 0x107ba}, {0x10d24, 0x10d27}, {0x10d69, 0x10d6d}, {0x10eab, 0x10eac}, {0x10efd, 0x10eff},
    {0x10f46, 0x10f50}, {0x10f82, 0x10f85}, {0x11070, 0x11070}, {0x1133b, 0x1133b}, {0x11383, 0x11383},
    {0x11385, 0x11385}, {0x1138e, 0x1138e}, {0x11391, 0x11391}, {0x113b8, 0x113b8}, {0x113bb, 0x113bb},
    {0x113c2, 0x113c2}, {0x113c5, 0x113c5}, {0x113c7, 0x113c9}, {0x113ce, 0x113d0}, {0x1145e, 0x1145e},
    {0x11839, 0x1183a}, {0x11930, 0x11930}, {0x11938, 0x11938}, {0x1193d, 0x1193e}, {0x11943, 0x11943},
    {0x119e0, 0x119e0}, {0x11a34, 0x11a34}, {0x11a47, 0x11a47}, {0x11a99, 0x11a99}, {0x11d42, 0x11d42},
    {0x11d44, 0x11d45}, {0x11d97, 0x11d97}, {0x11f41, 0x11f42}, {0x1611e, 0x16129}, {0x1612f, 0x1612f},
    {0x16d67, 0x16d6a}, {0x16ff0, 0x16ff1}, {0x1ccd6, 0x1ccf9}, {0x1e030, 0x1e06d}, {0x1e08f, 0x1e08f},
    {0x1e130, 0x1e136}, {0x1e2ae, 0x1e2ae}, {0x1e2ec, 0x1e2ef}, {0x1e4ec, 0x1e4ef}, {0x1e5ee, 0x1e5ef},
    {0x1f16c, 0x1f16c}, {0x1fbf0, 0x1fbf9}};

static bool is_later(uint32_t c)
{
    return unicode_in(later, sizeof later / sizeof *later, c);
}

static bool stays(utf8proc_int32_t c, enum normal_form form)
{
    utf8proc_int32_t out[32];
    int last = 0;
    utf8proc_option_t options = forms[form].options;
    utf8proc_ssize_t n =
        utf8proc_decompose_char(c, out, 32, (options & ~UTF8PROC_COMPOSE) | UTF8PROC_DECOMPOSE, &last);
    if (n != 1 && forms[form].composes)
        n = utf8proc_normalize_utf32(out, n, options);
    return n == 1 && out[0] == c;
}

static void find_boundaries(enum normal_form form)
{
    for (utf8proc_int32_t c = 0x80; c < 0x110000; c++) {
        const utf8proc_property_t *p = utf8proc_get_property(c);
        bool second = p->comb_index != UINT16_MAX && p->comb_index >= 0x8000;
        bool jamo = (c >= 0x1161 && c <= 0x1175) || (c >= 0x11a8 && c <= 0x11c2);
        bool splits = p->decomp_seqindex != UINT16_MAX || (c >= HANGUL_FIRST && c <= HANGUL_LAST);
        if (is_later((uint32_t)c))
            continue;
        if (p->combining_class != 0 || second || jamo || (splits && !stays(c, form)))
            not_boundary[form][c / 8] |= (uint8_t)(1 << c % 8);
    }
}

static void find_all(void)
{
    for (enum normal_form form = 0; form < N_FORMS; form++)
        find_boundaries(form);
}

static bool is_boundary(enum normal_form form, const unsigned char *s, size_t len)
{
    uint32_t c = unicode_point(s, len);
    return !(not_boundary[form][c / 8] >> c % 8 & 1);
}

static void add_normalised(struct strbuf *buf, enum normal_form form, const char *text, size_t len)
{
    utf8proc_uint8_t *out;
    utf8proc_ssize_t n =
        utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, &out, forms[form].options);
    if (n < 0)
        die("cannot normalise text: %s", utf8proc_errmsg(n));
    strbuf_add(buf, out, (size_t)n);
    free(out);
}

const char *normal_form(enum normal_form form, struct strbuf *buf, const char *text, size_t len,
                        size_t *n_out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const uint8_t *classes = unicode_classes();
    const unsigned char *s = (const unsigned char *)text;
    unsigned char lead = forms[form].first_lead;
    size_t boundary = 0, copied = 0, n; /* text[0..copied) has been appended to buf */
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
        if (s[i] >= lead)
            pthread_once(&once, find_all);
        if (s[i] < lead || is_boundary(form, s + i, n)) {
            boundary = i;
            continue;
        }
        size_t end = i + n, first;
        if (boundary < i && unicode_at(classes, s + boundary, i - boundary, &first) != CLASS_END &&
            is_later(unicode_point(s + boundary, first)))
            boundary += first;
        while (end < len && unicode_at(classes, s + end, len - end, &n) != CLASS_END &&
               !is_boundary(form, s + end, n))
            end += n;
        strbuf_add(buf, text + copied, boundary - copied);
        add_normalised(buf, form, text + boundary, end - boundary);
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
