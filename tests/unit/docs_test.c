/*
 * docs_test - JSON objects become the documents they should, or errors that say why; what is written is read
 * back
 */
#include "formats/docs.h"
#include "formats/json_text.h"
#include "formats/tokens.h"
#include "tests/check.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void objects_give_their_text(void)
{
    static const struct {
        const char *json, *field, *text, *id;
        int domain;
    } cases[] = {
        {"{\"text\":\"a\"}", NULL, "a", NULL, DOMAIN_OTHER},
        {" { \"text\" : \"\\u00e9\\n\\ud83d\\ude00\" } ", NULL, "\xc3\xa9\n\xf0\x9f\x98\x80", NULL,
         DOMAIN_OTHER},
        {"{\"id\":\"x/1\",\"text\":\"a\",\"domain\":\"math\",\"meta\":{\"deep\":[1,2.5,null,true]}}", NULL,
         "a", "x/1", DOMAIN_MATH},
        {"{\"id\":-17,\"text\":\"\",\"domain\":\"poetry\"}", NULL, "", "-17", DOMAIN_OTHER},
        {"{\"id\":[1],\"text\":\"a\",\"domain\":3}", NULL, "a", NULL, DOMAIN_OTHER},
        {"{\"response\":\"r\",\"output\":\"o\",\"solution\":\"s\",\"code\":\"c\",\"content\":\"n\",\"text\":"
         "\"t\"}",
         NULL, "t", NULL, 0},
        {"{\"response\":\"r\",\"output\":\"o\",\"solution\":\"s\",\"code\":\"c\",\"content\":\"n\"}", NULL,
         "n", NULL, 0},
        {"{\"response\":\"r\",\"output\":\"o\",\"solution\":\"s\",\"code\":\"c\"}", NULL, "c", NULL, 0},
        {"{\"response\":\"r\",\"output\":\"o\",\"solution\":\"s\"}", NULL, "s", NULL, 0},
        {"{\"response\":\"r\",\"output\":\"o\"}", NULL, "o", NULL, 0},
        {"{\"response\":\"r\",\"output\":null}", NULL, "r", NULL, 0},
        {"{\"question\":\"q\",\"answer\":\"a\"}", NULL, "q\na", NULL, 0},
        {"{\"instruction\":\"i\",\"question\":\"q\",\"answer\":\"a\"}", NULL, "i\na", NULL, 0},
        {"{\"text\":\"t\",\"story\":\"s\"}", "story", "s", NULL, 0},
        {"{\"text\":\"t\",\"big\":123456789012345678901234567890}", NULL, "t", NULL, 0},
        {"{\"id\":12345678901234567890,\"text\":\"1e400\",\"n\":[-1.5E+999,{\"m\":1e400}]}", NULL, "1e400",
         NULL, 0},
        {"{\"a\\\"b\":1e309,\"text\":\"t\",\"tiny\":1e-999}", NULL, "t", NULL, 0},
    };
    struct doc_parser *p = doc_parser_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct doc d;
        size_t byte;
        int r = doc_parse(p, cases[i].json, strlen(cases[i].json), cases[i].field, &d);
        CHECK(r == 0, "%s: %s", cases[i].json, doc_error(p, &byte));
        CHECK(d.len == strlen(cases[i].text) && memcmp(d.text, cases[i].text, d.len) == 0, "%s",
              cases[i].json);
        CHECK(d.domain == cases[i].domain, "%s", cases[i].json);
        CHECK(cases[i].id ? d.id && strcmp(d.id, cases[i].id) == 0 : !d.id, "%s", cases[i].json);
    }
    struct doc d;
    CHECK(doc_parse(p, "{\"text\":\"a\\u0000b\"}", 19, NULL, &d) == 0 && d.len == 3 &&
          memcmp(d.text, "a\0b", 3) == 0);
    doc_parser_free(p);
}

static void others_are_refused(void)
{
    static const struct {
        const char *json, *field, *error;
    } cases[] = {
        {"", NULL, "invalid JSON"},
        {"{\"text\":\"a\"", NULL, "invalid JSON"},
        {"{\"text\":\"a\"} x", NULL, "invalid JSON"},
        {"{\"text\":\"a\xff\"}", NULL, "UTF-8"},
        {"{\"text\":\"\xed\xa0\x80\"}", NULL, "UTF-8"},
        {"{\"text\":\"\\ud800\"}", NULL, "invalid JSON"},
        {"{\"text\":\"a\",\"text\":\"b\"}", NULL, "duplicate"},
        {"{\"text\":1e999}", NULL, "field \"text\" is a number, not a string"},
        {"{\"text\":\"a\",\"n\":01e400}", NULL, "invalid JSON"},
        {"{\"text\":\"a\",\"n\":NaN}", NULL, "invalid JSON"},
        {"{\"text\":null}", NULL, "(the object has: text = null)"},
        {"\xef\xbb\xbf{\"text\":\"a\"}", NULL, "near 'U+FEFF' (a byte order mark"},
        {"{\"text\":\xc2\xa0\"a\"}", NULL, "near 'U+00A0'"},
        {"[\"a\"]", NULL, "not a JSON object"},
        {"{\"text\":7}", NULL, "field \"text\" is a number, not a string"},
        {"{\"text\":[\"a\"]}", NULL, "an array, not a string"},
        {"{\"title\":\"a\",\"b\\u0007\":1}", NULL, "(the object has: title, b?)"},
        {"{\"question\":\"q\"}", NULL, "no text"},
        {"{\"text\":\"a\"}", "body", "no \"body\" field (the object has: text)"},
        {"{}", NULL, "nothing"},
    };
    struct doc_parser *p = doc_parser_new();
    struct doc d;
    size_t byte;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK(doc_parse(p, cases[i].json, strlen(cases[i].json), cases[i].field, &d) == -1, "%s",
              cases[i].json);
        CHECK(strstr(doc_error(p, &byte), cases[i].error), "%s: %s", cases[i].json, doc_error(p, &byte));
    }
    CHECK(doc_parse(p, "{\"text\":\"a\"}\0\0", 14, NULL, &d) == -1);
    CHECK(strstr(doc_error(p, &byte), "NUL byte") && byte == 12, "%s", doc_error(p, &byte));
    CHECK(doc_parse(p, "{\"text\":\"abc\xff\"}", 14, NULL, &d) == -1);
    doc_error(p, &byte);
    CHECK(byte == 12, "byte %zu", byte);
    doc_parser_free(p);
}

static void what_is_allowed_is_taken(void)
{
    static const struct {
        const char *json, *text; /* NULL: refused all the same */
        bool nan, surrogates;
    } cases[] = {
        {"{\"text\":\"a\",\"n\":NaN,\"m\":[Infinity,-Infinity]}", "a", true, false},
        {"{\"text\":\"NaN \\\" NaN\",\"n\":NaN}", "NaN \" NaN", true, false},
        {"{\"text\":\"a\",\"n\":-NaN}", "a", true, true},
        {"{\"text\":\"a\",\"n\":nan}", NULL, true, true},
        {"{\"text\":\"\\ud800\"}", NULL, true, false},
        {"{\"text\":\"<\\ud83d\\ude00\\ud83d\\\\ud83d\\uDE00>\\ud83d\"}",
         "<\xf0\x9f\x98\x80\xef\xbf\xbd\\ud83d\xef\xbf\xbd>\xef\xbf\xbd", false, true},
        {"{\"text\":\"\\ud83\"}", NULL, true, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct doc_parser *p = doc_parser_new();
        struct doc d;
        size_t byte;
        CHECK(doc_parse(p, cases[i].json, strlen(cases[i].json), NULL, &d) == -1, "%s", cases[i].json);
        doc_parser_allow(p, cases[i].nan, cases[i].surrogates);
        int r = doc_parse(p, cases[i].json, strlen(cases[i].json), NULL, &d);
        CHECK(r == (cases[i].text ? 0 : -1), "%s: %s", cases[i].json, doc_error(p, &byte));
        CHECK(!cases[i].text || (d.len == strlen(cases[i].text) && memcmp(d.text, cases[i].text, d.len) == 0),
              "%s", cases[i].json);
        CHECK(doc_parser_repaired(p) == (cases[i].text != NULL));
        doc_parser_free(p);
    }
}

static void bombs_are_refused(void)
{
    enum { N = 3000000 };
    struct doc_parser *p = doc_parser_new();
    struct doc d;
    size_t byte;
    char *s = malloc(N + 20);
    memcpy(s, "{\"text\":\"a\",\"x\":", 16);
    memset(s + 16, '[', N);
    CHECK(doc_parse(p, s, 1000016, NULL, &d) == -1 && strstr(doc_error(p, &byte), "depth"), "%s",
          doc_error(p, &byte));
    for (size_t i = 0; i < N; i++)
        s[16 + i] = i == 0 ? '[' : i == N - 1 ? ']' : i % 2 ? '1' : ',';
    s[16 + N] = '}';
    CHECK(doc_parse(p, s, N + 17, NULL, &d) == -1 && strstr(doc_error(p, &byte), "values"), "%s",
          doc_error(p, &byte));
    memset(s + 16, ',', N); /* as many commas in a string are none */
    s[16] = s[15 + N] = '"';
    CHECK(doc_parse(p, s, N + 17, NULL, &d) == 0, "%s", doc_error(p, &byte));
    free(s);
    doc_parser_free(p);
}

/* The definition, by way of the code point; utf8_char goes by byte ranges. */
static size_t utf8_by_definition(const unsigned char *s, size_t n)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = s[0] < 0x80             ? 1
                 : (s[0] & 0xe0) == 0xc0 ? 2
                 : (s[0] & 0xf0) == 0xe0 ? 3
                 : (s[0] & 0xf8) == 0xf0 ? 4
                                         : 0;
    if (len <= 1 || n < len)
        return len == 1;
    uint32_t c = s[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    return c >= least[len] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) ? len : 0;
}

static void utf8_is_what_the_standard_says(void)
{
    static const unsigned char ends[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
    enum { E = sizeof ends };
    for (unsigned a = 0; a < 256; a++)
        for (unsigned b = 0; b < 256; b++)
            for (size_t e = 0; e < E * E; e++)
                for (size_t n = 1; n <= 4; n++) {
                    unsigned char s[] = {(unsigned char)a, (unsigned char)b, ends[e / E], ends[e % E]};
                    CHECK(utf8_char((char *)s, n) == utf8_by_definition(s, n), "%02x %02x %02x %02x, %zu", a,
                          b, s[2], s[3], n);
                }
}

/* Bytes of all kinds: written, parsed by jansson, and compared with the input in which each byte outside a
 * character is U+FFFD. */
static void what_is_written_is_read_back(void)
{
    uint64_t x = 7;
    struct doc_parser *p = doc_parser_new();
    for (int round = 0; round < 3000; round++) {
        char text[200], expected[600], *line = NULL;
        size_t n = (size_t)round % 200, m = 0, line_len = 0;
        uint64_t replaced = 0, bad = 0;
        for (size_t i = 0; i < n; i++) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            unsigned kind = (unsigned)(x >> 60), byte = (unsigned)(x >> 40) & 0xff;
            text[i] = (char)(kind < 4   ? byte
                             : kind < 6 ? 0xc3
                             : kind < 8 ? 0x80 | (byte & 0x3f)
                                        : byte & 0x7f);
        }
        for (size_t i = 0; i < n;) {
            size_t len = utf8_by_definition((unsigned char *)text + i, n - i);
            memcpy(expected + m, len ? text + i : "\xef\xbf\xbd", len ? len : 3);
            m += len ? len : 3;
            i += len ? len : 1;
            bad += len == 0;
        }
        struct doc d = {text, n, "id \"\\\x01\xff", DOMAIN_CODE}, e;
        FILE *f = open_memstream(&line, &line_len);
        CHECK(doc_write(f, &d, &replaced) == 0 && fclose(f) == 0);
        CHECK(replaced == bad + 1); /* one in the id */
        CHECK(memchr(line, '\n', line_len) == line + line_len - 1);
        CHECK(doc_parse(p, line, line_len, NULL, &e) == 0, "%s: %s", line, doc_error(p, &n));
        CHECK(e.len == m && memcmp(e.text, expected, m) == 0, "%s", line);
        CHECK(strcmp(e.id, "id \"\\\x01\xef\xbf\xbd") == 0 && e.domain == DOMAIN_CODE);
        free(line);
    }
    doc_parser_free(p);
}

static void a_failed_write_is_told(void)
{
    FILE *f = fopen("/dev/full", "w");
    struct doc d = {"text", 4, NULL, DOMAIN_OTHER};
    uint64_t replaced = 0;
    bool failed = false;
    CHECK(f);
    for (int i = 0; i < 100000 && !failed; i++)
        failed = doc_write(f, &d, &replaced) != 0;
    CHECK(failed);
    fclose(f);
}

static uint64_t state = 88172645463325252u;
static uint32_t rnd(uint32_t below)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (uint32_t)(state >> 20) % below;
}

/* Every string of bytes is written as valid JSON, and read as what it was, but for bytes that are not UTF-8.
 */
static void long_texts_are_written_and_read(void)
{
    static char text[60000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = rnd(30) == 0 ? (char)rnd(128) : (char)('a' + rnd(26));
    struct doc_parser *p = doc_parser_new();
    for (size_t n = sizeof text; n > 0; n = n * 2 / 3) {
        struct doc d = {.text = text, .len = n}, e;
        uint64_t replaced = 0;
        char *line = NULL;
        size_t len;
        FILE *f = open_memstream(&line, &len);
        CHECK(doc_write(f, &d, &replaced) == 0 && fclose(f) == 0 && replaced == 0);
        CHECK(doc_parse(p, line, len, NULL, &e) == 0 && e.len == n && memcmp(e.text, text, n) == 0,
              "%zu bytes", n);
        free(line);
    }
    doc_parser_free(p);
}

/* Flat objects have a parser of their own. Made not flat by one more field, the same object goes through
 * jansson: what comes of it must be the same, whatever was done to its bytes. */
static void flat_objects_are_read_as_others(void)
{
    static const char *const objects[] = {
        "\"text\":\"It was a dark \\\"night\\\".\\n\\tNa\xc3\xafve \\u00e9\\ud83d\\ude00 "
        "\xf0\x9f\x91\x8d\",\"id\":\"x/1\",\"domain\":\"math\"}",
        "\"id\" : 123456789012345678, \"n\":-1, \"content\": \"1234567\\\\890\\/\", \"text\": null , "
        "\"domain\":\"poetry\"} ",
        "\"domain\":7,\"response\":\"r\",\"output\":\"\",\"id\":0,\"x\":\"\\u0000\"}",
        "\"question\":\"q\",\"answer\":\"a\",\"id\":12345678901234567890}",
    };
    static const char bytes[] = "\"\"\\\\,:{}[]nu0189-.eE \n\x01\x7f\xc3\xa9\xed\xa0\x80\xff";
    struct doc_parser *p = doc_parser_new(), *q = doc_parser_new();
    unsigned good = 0, bad = 0;
    for (int round = 0; round < 400000; round++) {
        char flat[400], nested[420];
        size_t len = (size_t)snprintf(flat, sizeof flat, "{%s", objects[round % 4]), byte;
        for (uint32_t n = rnd(3); n > 0; n--) {
            size_t at = 1 + rnd((uint32_t)len - 1);
            if (rnd(2)) {
                flat[at] = bytes[rnd(sizeof bytes - 1)];
            } else { /* cut some bytes out, or put one in */
                size_t gone = rnd(3), put = 1 - (gone > 0);
                gone = gone < len - at ? gone : 0;
                memmove(flat + at + put, flat + at + gone, len - at - gone);
                if (put)
                    flat[at] = bytes[rnd(sizeof bytes - 1)];
                len = len - gone + put;
            }
        }
        size_t nested_len = (size_t)sprintf(nested, "{\"~\":[],");
        memcpy(nested + nested_len, flat + 1, len - 1);
        struct doc d, e;
        const char *field = round % 7 == 0 ? "id" : NULL;
        int r = doc_parse(p, flat, len, field, &d), s = doc_parse(q, nested, nested_len + len - 1, field, &e);
        CHECK(r == s, "%.*s: %d and %d (%s)", (int)len, flat, r, s, doc_error(s ? q : p, &byte));
        good += r == 0;
        bad += r != 0;
        if (r != 0)
            continue;
        CHECK(d.len == e.len && memcmp(d.text, e.text, d.len) == 0 && d.domain == e.domain, "%.*s", (int)len,
              flat);
        CHECK(d.id ? e.id && strcmp(d.id, e.id) == 0 : !e.id, "%.*s: id %s and %s", (int)len, flat, d.id,
              e.id);
    }
    CHECK(good > 50000 && bad > 50000, "%u good, %u bad: not a test of both", good, bad);
    doc_parser_free(p);
    doc_parser_free(q);
}

/* Brackets within a string are no values, even after an escaped quotation mark. */
static void values_are_counted_outside_strings(void)
{
    size_t n = DOC_MAX_VALUES + 100;
    char *s = malloc(n + 16);
    memset(s, '[', n + 16);
    CHECK(doc_too_many_values(s, n));
    memcpy(s, "{\"a\\\"", 6); /* {"a\" and then brackets, still within the string */
    CHECK(!doc_too_many_values(s, n));
    s[6] = '"';
    CHECK(doc_too_many_values(s, n));
    free(s);
}

int main(void)
{
    test_begin(60);
    values_are_counted_outside_strings();
    objects_give_their_text();
    others_are_refused();
    long_texts_are_written_and_read();
    flat_objects_are_read_as_others();
    what_is_allowed_is_taken();
    bombs_are_refused();
    utf8_is_what_the_standard_says();
    what_is_written_is_read_back();
    a_failed_write_is_told();
    return 0;
}
