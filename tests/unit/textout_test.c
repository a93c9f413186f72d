/*
 * textout_test - whatever the cut into pieces: the same text, whole characters, nothing from a stop string on
 */
#include "pipeline/sample/textout.h"
#include "tests/check.h"

#include <string.h>

static struct strbuf out;
static bool check_whole;

static void collect(void *arg, const char *s, size_t n)
{
    (void)arg;
    if (check_whole) /* a piece neither begins inside a character nor ends inside one */
        CHECK(((unsigned char)s[0] & 0xc0) != 0x80 && (unsigned char)s[n - 1] < 0xc0, "a character was cut");
    strbuf_add(&out, s, n);
}

static bool run(const char *text, size_t piece, const struct str_list *stops)
{
    struct textout t = {.stops = stops, .emit = collect};
    size_t n = strlen(text);
    bool stopped = false;
    strbuf_reset(&out);
    for (size_t i = 0; i < n && !stopped; i += piece)
        stopped = textout_add(&t, text + i, n - i < piece ? n - i : piece);
    textout_end(&t);
    return stopped;
}

int main(void)
{
    static const char *words[] = {"", "\n\nQ:", "aab", "日本"};
    const struct str_list stops = {words, 4};
    static const struct {
        const char *text, *expected;
        bool stopped;
    } cases[] = {
        {"one\n\nQ: two", "one", true}, {"one\n\nR: two", "one\n\nR: two", false},
        {"one\n\n", "one\n\n", false},  {"aaaaab", "aaa", true},
        {"aab\n\nQ:", "", true},        {"ü日日本語", "ü日", true},
        {"😀é日", "😀é日", false},        {"", "", false},
    };
    test_begin(10);
    check_whole = true;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t piece = 1; piece < 14; piece++) {
            bool stopped = run(cases[i].text, piece, &stops);
            CHECK(stopped == cases[i].stopped && strcmp(out.s, cases[i].expected) == 0, "'%s' by %zu: '%s'",
                  cases[i].text, piece, out.s);
        }
    check_whole = false;
    for (size_t piece = 1; piece < 6; piece++) { /* not UTF-8: nothing lost, nothing waits for ever */
        CHECK(!run("\xff\x80\xe2\x28\xf0\x9f!", piece, NULL) &&
              strcmp(out.s, "\xff\x80\xe2\x28\xf0\x9f!") == 0);
        for (size_t half = 1; half < 4; half++) { /* cut within a character: it is told, and once */
            char text[] = "a\xf0\x9f\x98\x80";
            text[1 + half] = 0;
            CHECK(!run(text, piece, NULL) && strcmp(out.s, "a\xef\xbf\xbd") == 0, "'%s'", out.s);
        }
        CHECK(!run("\x80\x80\x80\x80\x80", piece, NULL) && strcmp(out.s, "\x80\x80\x80\x80\x80") == 0);
    }
    strbuf_free(&out);
    return 0;
}
