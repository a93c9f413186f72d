/* Text is normalised, what is no UTF-8 stays, and text that needs nothing is not copied. */
#include <string.h>

#include "pipeline/text/pretokenize/normal_form.h"
#include "tests/check.h"

int main(void)
{
    static const char *const cases[][2] = {
        {"plain", "plain"},
        {"caf\xc3\xa9", "caf\xc3\xa9"},
        {"cafe\xcc\x81!", "caf\xc3\xa9!"},
        {"e\xcc\x81"
         "e\xcc\x81",
         "\xc3\xa9\xc3\xa9"},
        {"a\xcc\xa3\xcc\x82", "\xe1\xba\xad"},
        {"a\xcc\x82\xcc\xa3", "\xe1\xba\xad"},                    /* put in order first */
        {"\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", "\xed\x95\x9c"}, /* jamo */
        {"\xe2\x84\xab", "\xc3\x85"},                             /* the unit is the letter */
        {"e\xff\xcc\x81", "e\xff\xcc\x81"},                       /* nothing joins across a bad byte */
        {"\x80\xcc\x81"
         "e\xcc\x81\xc3",
         "\x80\xcc\x81\xc3\xa9\xc3"},
        {"\xc3\xcc\x81", "\xc3\xcc\x81"},
        {"\xe4\xb8\xad\xe6\x96\x87", "\xe4\xb8\xad\xe6\x96\x87"},
        {"m\xcc\x80\xe0\xa3\x90", "m\xcc\x80\xe0\xa3\x90"}, /* U+08D0, which the library does not know */
        {"\xe0\xa3\x8a\xcc\xb4"
         "e\xcc\x81",
         "\xe0\xa3\x8a\xcc\xb4\xc3\xa9"}, /* U+08CA */
        {"\xf0\x91\xa4\xb5\xf0\x91\xa4\xb0",
         "\xf0\x91\xa4\xb5\xf0\x91\xa4\xb0"}, /* a pair that composes since Unicode 13 */
        {"", ""},
    };
    struct strbuf buf = {0};
    test_begin(30);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n, len = strlen(cases[i][0]), want = strlen(cases[i][1]);
        const char *got = normal_form(FORM_NFC, &buf, cases[i][0], len, &n);
        CHECK(n == want && memcmp(got, cases[i][1], n) == 0, "case %zu: %zu bytes", i, n);
        CHECK(strstr(cases[i][0], "\xcc") || got == cases[i][0] || strcmp(cases[i][0], cases[i][1]) != 0,
              "case %zu was copied", i);
    }
    static const struct {
        enum normal_form form;
        const char *text, *want;
    } others[] = {
        {FORM_NFD, "caf\xc3\xa9", "cafe\xcc\x81"},
        {FORM_NFD, "\xed\x95\x9c", "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab"},
        {FORM_NFD, "a\xcc\x82\xcc\xa3", "a\xcc\xa3\xcc\x82"},
        {FORM_NFD, "\xf0\x91\xa4\xb8", "\xf0\x91\xa4\xb8"}, /* U+11938, of Unicode 13 */
        {FORM_NFKC, "\xc2\xa0\xef\xac\x81\xe2\x91\xa0", " fi1"},
        {FORM_NFKC, "\xef\xbd\xb6\xef\xbe\x9e", "\xe3\x82\xac"}, /* half-width, and its mark */
        {FORM_NFKC, "\xe3\x8b\xbf", "\xe3\x8b\xbf"},             /* U+32FF, of Unicode 12.1 */
        {FORM_NFKD, "\xef\xac\x81\xc3\xa9", "fie\xcc\x81"},
        {FORM_NFKD, "\xff\xc2\xbd",
         "\xff"
         "1\xe2\x81\x84"
         "2"},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        size_t n;
        const char *got = normal_form(others[i].form, &buf, others[i].text, strlen(others[i].text), &n);
        CHECK(n == strlen(others[i].want) && memcmp(got, others[i].want, n) == 0, "case %zu: %.*s", i, (int)n,
              got);
    }
    strbuf_free(&buf);
    return 0;
}
