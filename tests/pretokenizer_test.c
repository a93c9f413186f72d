/* Pieces of known texts, of any bytes, and of texts cut in two. */
#include <stdint.h>
#include <string.h>

#include "pipeline/lib/fs.h"
#include "pipeline/text/pretokenizer.h"
#include "tests/check.h"

static struct pretokenizer *p;

/* The pieces with '|' between them. */
static void pieces_of(struct strbuf *out, const char *text, size_t len)
{
    const char *piece;
    size_t n, total = 0;
    pretokenizer_begin(p, text, len);
    while ((n = pretokenizer_next(p, &piece)) > 0) {
        CHECK(piece == text + total, "pieces leave something out");
        strbuf_add(out, "|", total ? 1 : 0);
        strbuf_add(out, piece, n);
        total += n;
    }
    CHECK(total == len, "pieces end at %zu of %zu", total, len);
}

static void known_texts(void)
{
    static const char *const cases[][2] = {
        {"Hello, world!", "Hello|,| world|!"},
        {"it's WE'LL don't x'yz", "it|'s| WE|'LL| don|'t| x|'yz"},
        {"a 123 b12", "a| |1|2|3| b|1|2"},
        {"  two   words  ", " | two|  | words|  "},
        {"a\n\n  b \r\n c", "a|\n\n| | b| \r\n| c"},
        {"x = y;\n\treturn", "x| =| y|;\n|\treturn"},
        {"...\n\n---", "...\n\n|---"},
        {"\xe4\xbd\xa0\xe5\xa5\xbd\xef\xbc\x8c\xe4\xb8\x96", "\xe4\xbd\xa0\xe5\xa5\xbd|\xef\xbc\x8c\xe4\xb8\x96"},
        {"a\xf0\x9f\x91\x8d b", "a|\xf0\x9f\x91\x8d| b"},
        {"caf\xc3\xa9 e\xcc\x81", "caf\xc3\xa9| e|\xcc\x81"},
        {"'\xc5\xbf's", "'\xc5\xbf|'s"},                           /* long s is an s in any case, and here a suffix */
        {"a\xe1\xa0\x8e" "b", "a|\xe1\xa0\x8e" "b"},               /* U+180E is no space */
        {"a \xf0\xb1\x8d\x90x", "a| \xf0\xb1\x8d\x90x"},           /* U+31350: a letter since Unicode 15 */
        {"a\xffz\xc3", "a|\xff|z|\xc3"},
        {"  \xff  x", "  |\xff| | x"},
        {"\xed\xa0\x80", "\xed|\xa0|\x80"},                        /* a surrogate */
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct strbuf got = {0};
        strbuf_add(&got, "", 0);
        pieces_of(&got, cases[i][0], strlen(cases[i][0]));
        CHECK(strcmp(got.s, cases[i][1]) == 0, "\"%s\" gives \"%s\", not \"%s\"", cases[i][0], got.s, cases[i][1]);
        strbuf_free(&got);
    }
}

static uint64_t state = 88172645463325252u;
static uint32_t rnd(uint32_t below)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (uint32_t)(state >> 20) % below;
}

static size_t random_text(char *text, size_t max)
{
    static const char *const parts[] = {"a", "Z", " ", "  ", "\n", "\r", "\t", "1", "9", ".", "=", "'s", "'", "\xc3\xa9", "\xe4\xb8\xad",
                                        "\xf0\x9f\x91\x8d", "\xff", "\xe4\xb8", "\xc2\xa0", "\xcc\x81", "\xd9\xa3", ""};
    size_t n = 0;
    for (;;) {
        uint32_t i = rnd(sizeof parts / sizeof *parts);
        size_t len = *parts[i] ? strlen(parts[i]) : 1;      /* the empty one stands for NUL */
        if (n + len > max)
            return n;
        memcpy(text + n, parts[i], len);
        n += len;
    }
}

/* Text cut where pretokenizer_cut says has the same pieces, if there is a letter, digit or line end to cut at. */
static void cuts_change_nothing(void)
{
    for (int i = 0; i < 20000; i++) {
        char text[200];
        size_t len = random_text(text, 20 + rnd(180)), want = 1 + rnd((uint32_t)len / 3), max = len - 1 - rnd(3);
        size_t cut = pretokenizer_cut(p, text, len, want, max);
        CHECK(cut > 0 && cut <= max, "cut %zu is not within %zu..%zu", cut, want, max);
        if (cut + 4 > max)
            continue;                       /* perhaps none was found */
        struct strbuf whole = {0}, parts = {0};
        pieces_of(&whole, text, len);
        pieces_of(&parts, text, cut);
        strbuf_add(&parts, "|", 1);
        pieces_of(&parts, text + cut, len - cut);
        CHECK(whole.len == parts.len && memcmp(whole.s, parts.s, whole.len) == 0, "text %d, cut at %zu of %zu: %s", i, cut, len,
              whole.s);
        strbuf_free(&whole);
        strbuf_free(&parts);
    }
}

static void cuts_of_one_piece(void)
{
    char text[64];
    memset(text, 'a', sizeof text);
    CHECK(pretokenizer_cut(p, text, 64, 10, 50) == 50);
    for (size_t i = 0; i < 60; i += 3)
        memcpy(text + i, "\xe4\xb8\xad", 3);
    CHECK(pretokenizer_cut(p, text, 60, 10, 50) == 48, "a character is cut");
    memcpy(text + 30, "\xef\xbc\x8c", 3);   /* a comma after a letter */
    CHECK(pretokenizer_cut(p, text, 60, 10, 50) == 30, "%zu", pretokenizer_cut(p, text, 60, 10, 50));
}

static void valid_prefixes(void)
{
    static const struct {
        const char *s;
        size_t len, valid;
    } cases[] = {
        {"abcdefghijk", 11, 11}, {"abcdefghi\x80", 10, 9}, {"\xc0\xaf", 2, 0}, {"\xe0\x9f\xbf", 3, 0}, {"\xe0\xa0\x80", 3, 3},
        {"\xed\x9f\xbf", 3, 3}, {"\xed\xa0\x80", 3, 0}, {"\xf0\x8f\xbf\xbf", 4, 0}, {"\xf4\x8f\xbf\xbf", 4, 4},
        {"\xf4\x90\x80\x80", 4, 0}, {"\xf5\x80\x80\x80", 4, 0}, {"a\xe4\xb8", 3, 1}, {"\0\0\xc3\xa9", 4, 4}, {"", 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK(utf8_prefix(cases[i].s, cases[i].len) == cases[i].valid, "case %zu", i);
}

static void long_runs_are_quick(void)
{
    static const char *const units[] = {"a", " ", "\n", " \n", "=", "\t\r", "\xe4\xb8\xad", "\xff", "'", "\xc2\xa0"};
    size_t len = 4 << 20;
    char *text = xmalloc(len);
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
        size_t n = strlen(units[u]);
        for (size_t i = 0; i < len; i++)
            text[i] = units[u][i % n];
        struct strbuf out = {0};
        pieces_of(&out, text, len / n * n);
        strbuf_free(&out);
    }
    free(text);
}

int main(void)
{
    test_begin(120);
    p = pretokenizer_new();
    known_texts();
    valid_prefixes();
    cuts_of_one_piece();
    cuts_change_nothing();
    long_runs_are_quick();
    pretokenizer_free(p);
    return 0;
}
