/*
 * json_escape_test - escapes are removed and added as byte by byte: with registers of 16 bytes and, where the
 * processor has them, of 64
 */
#include "formats/json_escape.h"
#include "formats/json_text.h"
#include "tests/check.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 300 };

static uint64_t state = 88172645463325252u;
static uint32_t rnd(uint32_t below)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (uint32_t)(state >> 20) % below;
}

static const char *const plain[] = {"a", "b", " ", "~", "/"};
static const char *const wide[] = {"\xc2\x80",         "\xc3\xa9",         "\xdf\xbf",     "\xe0\xa0\x80",
                                   "\xe2\x80\x94",     "\xed\x9f\xbf",     "\xef\xbf\xbf", "\xf0\x90\x80\x80",
                                   "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf", "\xee\x80\x80"};
static const char *const escapes[] = {"\\n", "\\t", "\\\"", "\\\\", "\\/", "\\b", "\\f", "\\r", "\\\\\\\""};
static const char *const odd[] = {"\"",
                                  "\\",
                                  "\n",
                                  "\t",
                                  "\x1f",
                                  "\x7f",
                                  "\\u00e9",
                                  "\\x",
                                  "\x80",
                                  "\xff",
                                  "\xc1\xbf",
                                  "\xe0\x9f\xbf",
                                  "\xed\xa0\x80",
                                  "\xf0\x8f\xbf\xbf",
                                  "\xf4\x90\x80\x80",
                                  "\xf5\x80\x80\x80",
                                  "\xe2\x80",
                                  "\\\xee"};
#define ANY(list) (list)[rnd(sizeof(list) / sizeof *(list))]

/* Text of n bytes at the end of an allocation, of which one in `each` pieces is odd. The caller frees it. */
static char *made_text(size_t n, uint32_t each)
{
    char *s = malloc(n ? n : 1);
    for (size_t at = 0; at < n;) {
        uint32_t kind = rnd(20);
        const char *piece = rnd(each) == 0 ? ANY(odd)
                            : kind < 14    ? ANY(plain)
                            : kind < 17    ? ANY(wide)
                                           : ANY(escapes);
        size_t len = strlen(piece) < n - at ? strlen(piece) : n - at;
        memcpy(s + at, piece, len);
        at += len;
    }
    return s;
}

/* Returns how many bytes are whole characters of UTF-8. */
static size_t valid_bytes(const char *s, size_t n)
{
    size_t at = 0;
    for (size_t len; at < n && (len = utf8_char(s + at, n - at)) > 0;)
        at += len;
    return at;
}

/* Does what json_unescape says, without a look at UTF-8. Returns how many bytes were read; *len: written. */
static size_t unescape_bytes(char *to, const char *s, size_t n, size_t *len)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    size_t at = 0;
    for (*len = 0; at < n && s[at] != '"' && (unsigned char)s[at] >= 0x20; at++) {
        const char *letter = &letters[sizeof letters - 1];
        if (s[at] == '\\') {
            letter = at + 1 < n ? memchr(letters, s[at + 1], sizeof letters - 1) : NULL;
            if (!letter)
                return at;
            at++;
        }
        to[(*len)++] = *letter ? meanings[letter - letters] : s[at];
    }
    return at;
}

/* A run that may stop early, at a character of its own, is compared up to there. */
static void escapes_are_removed(void)
{
    for (unsigned round = 0; round < 40000; round++) {
        size_t n = rnd(LONGEST), want_len, narrow_len;
        char *s = made_text(n, 40), want[LONGEST], narrow[LONGEST + JSON_OVERSHOOT],
             out[LONGEST + JSON_OVERSHOOT];
        const char *at = s, *narrow_at = s;
        char *to = out, *narrow_to = narrow;
        bool unchecked = false, high = false;
        json_unescape_narrow(&narrow_at, s + n, &narrow_to, &unchecked);
        narrow_len = (size_t)(narrow_to - narrow);
        CHECK((size_t)(narrow_at - s) == unescape_bytes(want, s, n, &want_len), "round %u", round);
        CHECK(narrow_len == want_len && memcmp(narrow, want, want_len) == 0, "round %u", round);
        for (const char *c = s; c < narrow_at; c++)
            high |= (unsigned char)*c >= 0x80;
        CHECK(unchecked == high, "round %u", round);
        if (json_is_wide()) {
            json_unescape_wide(&at, s + n, &to);
            size_t valid = valid_bytes(s, n), end = (size_t)(at - s);
            CHECK(end == (size_t)(narrow_at - s) || (end <= valid && (unsigned char)*at >= 0x80),
                  "round %u: %zu", round, end);
            CHECK(valid < n || at == narrow_at, "round %u: stopped at %zu", round, end);
            unescape_bytes(want, s, end, &want_len);
            CHECK((size_t)(to - out) == want_len && memcmp(out, want, want_len) == 0, "round %u", round);
        }
        free(s);
    }
}

/* Does what json_escape says; beyond ASCII it goes on. Returns how many bytes were read; *len: written. */
static size_t escape_bytes(char *to, const char *s, size_t n, size_t *len)
{
    static const char bytes[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    size_t at = 0;
    for (*len = 0; at < n; at++) {
        const char *byte = memchr(bytes, s[at], sizeof bytes - 1);
        if (!byte && ((unsigned char)s[at] < 0x20 || s[at] == 0x7f))
            break;
        if (byte)
            to[(*len)++] = '\\';
        to[(*len)++] = byte ? letters[byte - bytes] : s[at];
    }
    return at;
}

static void escapes_are_added(void)
{
    for (unsigned round = 0; round < 40000; round++) {
        size_t n = rnd(LONGEST), want_len, ascii = 0;
        char *s = made_text(n, 40), want[2 * LONGEST], out[2 * LONGEST + JSON_OVERSHOOT], *to = out;
        size_t stop = escape_bytes(want, s, n, &want_len), valid = valid_bytes(s, n), end;
        while (ascii < stop && (unsigned char)s[ascii] < 0x80)
            ascii++;
        CHECK(json_escape_narrow(&to, s, n) == ascii, "round %u", round);
        escape_bytes(want, s, ascii, &want_len);
        CHECK((size_t)(to - out) == want_len && memcmp(out, want, want_len) == 0, "round %u", round);
        if (json_is_wide()) {
            to = out;
            end = json_escape_wide(&to, s, n);
            CHECK(end == stop || (end < stop && end <= valid && (unsigned char)s[end] >= 0x80),
                  "round %u: %zu", round, end);
            CHECK(valid < n || end == stop, "round %u: stopped at %zu", round, end);
            escape_bytes(want, s, end, &want_len);
            CHECK((size_t)(to - out) == want_len && memcmp(out, want, want_len) == 0, "round %u", round);
        }
        free(s);
    }
}

int main(void)
{
    test_begin(20);
    if (!json_is_wide())
        printf("this processor has no AVX-512 with VBMI2: only the other way is tested\n");
    escapes_are_removed();
    escapes_are_added();
    return 0;
}
