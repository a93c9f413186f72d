/* Pieces of known texts, of any bytes, and of texts cut in two. */
#include <stdint.h>
#include <string.h>

#include "pipeline/lib/fs.h"
#include "pipeline/text/pretokenize/pretokenizer_impl.h"
#include "pipeline/text/pretokenize/unicode.h"
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
        {"\xe4\xbd\xa0\xe5\xa5\xbd\xef\xbc\x8c\xe4\xb8\x96",
         "\xe4\xbd\xa0\xe5\xa5\xbd|\xef\xbc\x8c\xe4\xb8\x96"},
        {"a\xf0\x9f\x91\x8d b", "a|\xf0\x9f\x91\x8d| b"},
        {"caf\xc3\xa9 e\xcc\x81", "caf\xc3\xa9| e|\xcc\x81"},
        {"'\xc5\xbf's", "'\xc5\xbf|'s"}, /* long s is an s in any case, and here a suffix */
        {"a\xe1\xa0\x8e"
         "b",
         "a|\xe1\xa0\x8e"
         "b"},                                           /* U+180E is no space */
        {"a \xf0\xb1\x8d\x90x", "a| \xf0\xb1\x8d\x90x"}, /* U+31350: a letter since Unicode 15 */
        {"a\xffz\xc3", "a|\xff|z|\xc3"},
        {"  \xff  x", "  |\xff| | x"},
        {"\xed\xa0\x80", "\xed|\xa0|\x80"}, /* a surrogate */
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct strbuf got = {0};
        strbuf_add(&got, "", 0);
        pieces_of(&got, cases[i][0], strlen(cases[i][0]));
        CHECK(strcmp(got.s, cases[i][1]) == 0, "\"%s\" gives \"%s\", not \"%s\"", cases[i][0], got.s,
              cases[i][1]);
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
    static const char *const parts[] = {"\xe3\x80\x80",
                                        "\xc2\xbd",
                                        "\xc5\xbf",
                                        "'ll",
                                        "'RE",
                                        "the",
                                        " and",
                                        "\n\n",
                                        "    ",
                                        "12",
                                        "\xe2\x80\x9c",
                                        "\xd0\xb6",
                                        "\xc2\x85",
                                        "a",
                                        "Z",
                                        " ",
                                        "  ",
                                        "\n",
                                        "\r",
                                        "\t",
                                        "1",
                                        "9",
                                        ".",
                                        "=",
                                        "'s",
                                        "'",
                                        "\xc3\xa9",
                                        "\xe4\xb8\xad",
                                        "\xf0\x9f\x91\x8d",
                                        "\xff",
                                        "\xe4\xb8",
                                        "\xc2\xa0",
                                        "\xcc\x81",
                                        "\xd9\xa3",
                                        ""};
    size_t n = 0;
    for (;;) {
        uint32_t i = rnd(sizeof parts / sizeof *parts);
        size_t len = *parts[i] ? strlen(parts[i]) : 1; /* the empty one stands for NUL */
        if (n + len > max)
            return n;
        memcpy(text + n, parts[i], len);
        n += len;
    }
}

/* Text cut where pretokenizer_cut says has the same pieces, if there is a letter, digit or line end to cut
 * at. */
static void cuts_change_nothing(void)
{
    for (int i = 0; i < 20000; i++) {
        char text[200];
        size_t len = random_text(text, 20 + rnd(180)), want = 1 + rnd((uint32_t)len / 3),
               max = len - 1 - rnd(3);
        size_t cut = pretokenizer_cut(p, text, len, want, max);
        CHECK(cut > 0 && cut <= max, "cut %zu is not within %zu..%zu", cut, want, max);
        if (cut + 4 > max)
            continue; /* perhaps none was found */
        struct strbuf whole = {0}, parts = {0};
        pieces_of(&whole, text, len);
        pieces_of(&parts, text, cut);
        strbuf_add(&parts, "|", 1);
        pieces_of(&parts, text + cut, len - cut);
        CHECK(whole.len == parts.len && memcmp(whole.s, parts.s, whole.len) == 0,
              "text %d, cut at %zu of %zu: %s", i, cut, len, whole.s);
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
    memcpy(text + 30, "\xef\xbc\x8c", 3); /* a comma after a letter */
    CHECK(pretokenizer_cut(p, text, 60, 10, 50) == 30, "%zu", pretokenizer_cut(p, text, 60, 10, 50));
}

static void valid_prefixes(void)
{
    static const struct {
        const char *s;
        size_t len, valid;
    } cases[] = {
        {"abcdefghijk", 11, 11},    {"abcdefghi\x80", 10, 9},
        {"\xc0\xaf", 2, 0},         {"\xe0\x9f\xbf", 3, 0},
        {"\xe0\xa0\x80", 3, 3},     {"\xed\x9f\xbf", 3, 3},
        {"\xed\xa0\x80", 3, 0},     {"\xf0\x8f\xbf\xbf", 4, 0},
        {"\xf4\x8f\xbf\xbf", 4, 4}, {"\xf4\x90\x80\x80", 4, 0},
        {"\xf5\x80\x80\x80", 4, 0}, {"a\xe4\xb8", 3, 1},
        {"\0\0\xc3\xa9", 4, 4},     {"", 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK(utf8_prefix(cases[i].s, cases[i].len) == cases[i].valid, "case %zu", i);
}

/* ---- the patterns by hand against PCRE2 ---- */

/* GPT2_DIGITS in one expression: what is between numbers is matched as if there were nothing else. */
static const char gpt2_digits[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+|\\s+(?![^\\s\\p{N}])|\\s+";

static const struct level {
    const char *name;
    fill_function *const *fills;
} levels[] = {{"plain", pretokenizer_v1}, {"AVX2", pretokenizer_v3}, {"AVX-512", pretokenizer_v4}};

static size_t n_levels(void)
{
    fill_function *const *best = pretokenizer_level();
    return best == pretokenizer_v4 ? 3 : best == pretokenizer_v3 ? 2 : 1;
}

/* Ends of the pieces of one text, as PCRE2 finds them. */
static size_t oracle(struct regex_pieces *r, const char *text, size_t len, size_t *ends)
{
    size_t n = 0, valid = 0;
    for (size_t pos = 0; pos < len; ends[n++] = pos) {
        if (pos >= valid)
            valid = pos + utf8_prefix(text + pos, len - pos);
        pos += pos == valid ? 1 : regex_pieces_next(r, text, valid, pos);
    }
    return n;
}

static void same_pieces(struct regex_pieces *r, enum pattern pattern, const char *text, size_t len)
{
    static size_t want[1 << 16], got[FILL_MAX];
    size_t n = oracle(r, text, len, want);
    for (size_t l = 0; l < n_levels(); l++) {
        size_t at = 0, pos = 0;
        while (pos < len) {
            size_t some =
                levels[l].fills[pattern](unicode_classes(), (const unsigned char *)text, len, pos, got);
            CHECK(some > 0 && some <= FILL_MAX && at + some <= n, "%s, pattern %d: %zu pieces of %zu",
                  levels[l].name, pattern, at + some, n);
            for (size_t i = 0; i < some; i++, at++)
                CHECK(got[i] == want[at],
                      "%s, pattern %d, text of %zu bytes: piece %zu ends at %zu, not %zu: %.*s",
                      levels[l].name, pattern, len, at, got[i], want[at], (int)(want[at] - pos), text + pos);
            pos = got[some - 1];
        }
        CHECK(at == n);
    }
}

static size_t put_point(char *s, uint32_t c)
{
    if (c < 0x80)
        return s[0] = (char)c, 1;
    if (c < 0x800)
        return s[0] = (char)(0xc0 | c >> 6), s[1] = (char)(0x80 | (c & 0x3f)), 2;
    if (c < 0x10000)
        return s[0] = (char)(0xe0 | c >> 12), s[1] = (char)(0x80 | (c >> 6 & 0x3f)),
               s[2] = (char)(0x80 | (c & 0x3f)), 3;
    s[0] = (char)(0xf0 | c >> 18), s[1] = (char)(0x80 | (c >> 12 & 0x3f));
    return s[2] = (char)(0x80 | (c >> 6 & 0x3f)), s[3] = (char)(0x80 | (c & 0x3f)), 4;
}

/* Each code point between letters, numbers, signs, blanks and line ends; surrogates are bytes there. */
static void every_code_point(struct regex_pieces *r, enum pattern pattern)
{
    static const char *const around[] = {"a", " ", "1", ".", "\n", "  \n ", "'", "\t"};
    static char text[1 << 15];
    size_t len = 0;
    for (uint32_t c = 0; c < 0x110000; c++) {
        size_t k = c % 8;
        len += put_point(text + len, c);
        len += (size_t)sprintf(text + len, "%s", around[k]);
        len += put_point(text + len, c);
        len += (size_t)sprintf(text + len, "%s", around[c / 8 % 8]);
        if (len > sizeof text - 100 || c == 0x10ffff) {
            same_pieces(r, pattern, text, len);
            len = 0;
        }
    }
}

static void patterns_are_as_pcre2_finds_them(void)
{
    for (enum pattern pattern = 0; pattern < PATTERN_NONE; pattern++) {
        char why[200], text[600];
        const char *regex = pattern == PATTERN_GPT2_DIGITS ? gpt2_digits : pattern_regex(pattern);
        struct regex_pieces *r = regex_pieces_new(regex, why, sizeof why);
        CHECK(r, "%s", why);
        every_code_point(r, pattern);
        for (int i = 0; i < 8000; i++)
            same_pieces(r, pattern, text, random_text(text, 1 + rnd(sizeof text)));
        for (int i = 0; i < 3000; i++) { /* few kinds, so that runs cross blocks */
            static const char kinds[] = "a \n.1'\t";
            size_t len = 1 + rnd(sizeof text), from = rnd(5);
            for (size_t k = 0; k < len; k++)
                text[k] = kinds[rnd(8) ? from : rnd(7)], from = rnd(12) ? from : rnd(7);
            same_pieces(r, pattern, text, len);
        }
        regex_pieces_free(r);
    }
}

/* Another spelling of a known pattern is recognised; any other pattern goes to PCRE2. */
static void other_patterns(void)
{
    char why[200];
    struct pretokenizer *mine = p;
    CHECK(pattern_named(pattern_regex(PATTERN_LLAMA3)) == PATTERN_LLAMA3 &&
          pattern_named("x+") == PATTERN_REGEX);
    p = pretokenizer_open(PATTERN_REGEX, "x+|\\s", why, sizeof why);
    CHECK(p, "%s", why);
    struct strbuf got = {0};
    pieces_of(&got, "axxb  \xffx", 8);
    CHECK(strcmp(got.s, "a|xx|b| | |\xff|x") == 0, "%s", got.s);
    strbuf_free(&got);
    pretokenizer_free(p);
    p = pretokenizer_open(PATTERN_NONE, NULL, why, sizeof why);
    pieces_of(&got, "a b\n1", 5);
    CHECK(strcmp(got.s, "a b\n1") == 0, "%s", got.s);
    strbuf_free(&got);
    pretokenizer_free(p);
    /* Where dialects differ, that of the tokenizers library (Oniguruma, Ruby's): {n,m}+ repeats, $ and ^ are
     * of lines. */
    static const struct {
        const char *regex, *text, *want;
    } dialect[] = {
        {"\\p{N}{1,3}+|a", "a12345678a", "a|12345678|a"},
        {"[xy]{2}+", "xyxyx", "xyxy|x"},
        {"x{2,}+|x{,2}", "x", "x"},
        {"\xc3\xa9{1,2}+|x", "\xc3\xa9\xc3\xa9\xc3\xa9x", "\xc3\xa9\xc3\xa9\xc3\xa9|x"},
        {"(x+)|\\s", "axx b", "a|xx| |b"}, /* a group: rc 0 says that it was left out */
        {"[^\\S]+|\\d{2}", "a \n1234b", "a| \n|12|34|b"},
        {"\\p{Lu}[\\p{Ll}\\p{M}]*", "aBc\xcc\x81\xc3\x89X", "a|Bc\xcc\x81|\xc3\x89|X"},
        {"[\\P{L}]+|\\p{Lt}", "a1\xc7\x85", "a|1|\xc7\x85"},
        {" ?[^(\\s|[.,])]+", "a b.c(", "a| b|.|c|("}, /* brackets within brackets are a union */
        {"ab$|a|b|\\s", "ab\nab", "ab|\n|ab"},
        {"^ab|a|b|\\s", "ab\nab", "ab|\n|ab"},
    };
    for (size_t i = 0; i < sizeof dialect / sizeof *dialect; i++) {
        p = pretokenizer_open(PATTERN_REGEX, dialect[i].regex, why, sizeof why);
        CHECK(p, "%s: %s", dialect[i].regex, why);
        pieces_of(&got, dialect[i].text, strlen(dialect[i].text));
        CHECK(strcmp(got.s, dialect[i].want) == 0, "%s: %s", dialect[i].regex, got.s);
        strbuf_free(&got);
        pretokenizer_free(p);
    }
    p = mine;
    static const char *const refused[] = {"(",           "\\p{Han}", "\\p{Lx}", "[a&&b]",     "[[^a]b]",
                                          "[[:alpha:]]", "\\w",      "(?m:.)",  "(?:x){1,2}+"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        CHECK(!pretokenizer_open(PATTERN_REGEX, refused[i], why, sizeof why) && *why, "%s", refused[i]);
}

static void long_runs_are_quick(void)
{
    static const char *const units[] = {"a",    " ", "\n",      " \n", "=", "\t\r", "\xe4\xb8\xad",
                                        "\xff", "'", "\xc2\xa0"};
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
    test_begin(250);
    p = pretokenizer_new();
    known_texts();
    valid_prefixes();
    cuts_of_one_piece();
    cuts_change_nothing();
    patterns_are_as_pcre2_finds_them();
    other_patterns();
    long_runs_are_quick();
    pretokenizer_free(p);
    return 0;
}
