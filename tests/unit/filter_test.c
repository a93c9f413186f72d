/*
 * filter_test - the parts of filter: keys that were there before, signatures, simple texts, masks
 */
#include "pipeline/filter/judge.h"
#include "pipeline/filter/seen.h"
#include "pipeline/filter/simplify.h"
#include "pipeline/lib/random.h"
#include "tests/check.h"

#include <math.h>
#include <string.h>

/* Adds keys of which some repeat, with memory for all and for few: the answers are those of a plain array. */
static void seen_answers_the_same_with_little_memory(void)
{
    enum { N = 60000, DIFFERENT = 40000 };
    for (unsigned words = 1; words <= 2; words++)
        for (unsigned little = 0; little < 2; little++) {
            static uint8_t had[DIFFERENT];
            struct seen *s = seen_new(words, little ? SEEN_LEAST : 64 << 20, ".");
            uint64_t state = 7;
            memset(had, 0, sizeof had);
            for (unsigned i = 0; i < N; i++) {
                uint64_t n = random_next(&state) % DIFFERENT, key[2] = {n ? mix64(n) : 0, n % 2};
                if (words == 2 && n > DIFFERENT / 2) /* keys that differ in the second word alone */
                    key[0] = mix64(n / 8), key[1] = n;
                CHECK(seen_add(s, key) == had[n], "key %u, %u words, little %u", i, words, little);
                had[n] = 1;
            }
            CHECK((seen_spilled(s) > 10000) == little, "%llu keys in files",
                  (unsigned long long)seen_spilled(s));
            seen_free(s);
        }
}

static struct words words_of(const char *text)
{
    static struct strbuf simple[2];
    static unsigned turn;
    struct strbuf *b = &simple[turn++ % 2];
    struct words w = {0};
    simplify(b, (struct span){text, strlen(text)});
    words_split(&w, b->s ? b->s : "", b->len);
    return w;
}

static bool are_near(const char *a, const char *b)
{
    uint64_t k[BANDS], l[BANDS];
    struct words v = words_of(a), w = words_of(b);
    bool near = false;
    CHECK(minhash(&v, k) && minhash(&w, l), "too short");
    for (unsigned i = 0; i < BANDS; i++)
        near |= k[i] == l[i];
    words_free(&v);
    words_free(&w);
    return near;
}

/* Pairs of texts with a known Jaccard similarity s: a band agrees with the probability 1 - (1 - s^8)^14. */
static void signatures_find_what_is_similar(void)
{
    static const struct {
        unsigned changed; /* words at the end of 300 */
        double least, most;
    } cases[] = {{0, 1, 1}, {20, .9, 1}, {53, .35, .65}, {150, 0, .05}, {300, 0, 0}};
    enum { TRIALS = 130, WORDS = 304 };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        unsigned found = 0;
        for (unsigned t = 0; t < TRIALS; t++) {
            struct strbuf a = {0}, b = {0};
            for (unsigned i = 0; i < WORDS; i++) {
                bool same = i < WORDS - cases[c].changed;
                strbuf_addf(&a, "q%cw%cx%c%u ", 'a' + t % 26, 'a' + i % 26, 'a' + i / 26, 1u);
                strbuf_addf(&b, "%s%cw%cx%c%u ", same ? "Q" : "z", 'a' + t % 26, 'a' + i % 26, 'a' + i / 26,
                            2u);
                for (unsigned k = 0; k < t / 26; k++) {
                    strbuf_add(&a, "y", 1);
                    strbuf_add(&b, "y", 1);
                }
            }
            found += are_near(a.s, b.s);
            strbuf_free(&a);
            strbuf_free(&b);
        }
        double share = (double)found / TRIALS;
        CHECK(share >= cases[c].least && share <= cases[c].most, "%u words changed: %.2f found",
              cases[c].changed, share);
    }
    struct words w = words_of("only four words here");
    uint64_t keys[BANDS];
    CHECK(!minhash(&w, keys), "four words have a signature");
    words_free(&w);
}

static void simple_text(void)
{
    static const char *const cases[][2] = {
        {"  Hello,\tWORLD!!  (again)\n", "hello world again"},
        {"pi is 3.14159, or 22/7; 1,000,000", "pi is 0 or 0 0 0 0"},
        {"Caf\xc3\xa9 \xc3\x85ngstr\xc3\xb6m na\xc3\xafve", "cafe angstrom naive"},
        {"\xd9\xa3\xd9\xab\xd9\xa5 x", "0 x"},
        {"\xe2\x80\x9cquoted\xe2\x80\x9d\xe2\x80\xa6", "quoted"},
        {"", ""},
        {"...", ""}};
    struct strbuf b = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        simplify(&b, (struct span){cases[i][0], strlen(cases[i][0])});
        CHECK(b.len == strlen(cases[i][1]) && memcmp(b.s ? b.s : "", cases[i][1], b.len) == 0, "%s: %s",
              cases[i][0], b.s);
    }
    squeeze(&b, (struct span){" a \n\n b\xc2\xa0 c ", 12});
    CHECK(strcmp(b.s, "a b c") == 0, "%s", b.s);
    strbuf_free(&b);
}

static void words_are_cut(void)
{
    static const char *const cases[][2] = {
        {"I don't (can't) go.", "I|do|n't|(|ca|n't|)|go|."},
        {"It\xe2\x80\x99s Mr. Smith's e-mail: a@b.com, e.g. http://x.org/y?z=1!",
         "It|\xe2\x80\x99s|Mr.|Smith|'s|e|-|mail|:|a@b.com|,|e.g.|http://x.org/y?z=1|!"},
        {"5km at 10am, $3.50 or 3\xe2\x82\xac... \"Yes,\" he",
         "5|km|at|10|am|,|$|3.50|or|3|\xe2\x82\xac|...|\"|Yes|,|\"|he"},
        {"f(x): well-known; a--b, 3-4 and 1/2", "f(x|):|well|-|known|;|a|--|b|,|3|-|4|and|1/2"},
        {"U.S. and end.Start", "U.S.|and|end|.|Start"},
        {"its cannot \xe2\x98\x83ok", "its|can|not|\xe2\x98\x83|ok"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct words w = {0};
        struct strbuf b = {0};
        words_split(&w, cases[i][0], strlen(cases[i][0]));
        for (size_t k = 0; k < w.n; k++)
            strbuf_addf(&b, "%s%.*s", k ? "|" : "", (int)w.v[k].len, w.v[k].s);
        CHECK(strcmp(b.s, cases[i][1]) == 0, "%s: %s", cases[i][0], b.s);
        strbuf_free(&b);
        words_free(&w);
    }
}

static void masks(void)
{
    static const char *const cases[][2] = {
        {"mail jo.e+x@mail.example.co.uk, now", "mail email@example.com, now"},
        {"a@b c@d.e (f@g.h). @i x@ @", "a@b email@example.com (email@example.com). @i x@ @"},
        {".x.@y.zz.", ".x.@y.zz."},
        {"8.8.8.8 and 192.168.0.1, 10.0.0.1, 256.1.1.1; v1.2.3.4.5",
         "192.0.2.1 and 192.168.0.1, 10.0.0.1, 256.1.1.1; v192.0.2.1.5"},
        {"nothing", "nothing"}};
    struct strbuf b = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct masked n = {0};
        struct span t = mask_personal(&b, (struct span){cases[i][0], strlen(cases[i][0])}, &n);
        CHECK(t.len == strlen(cases[i][1]) && memcmp(t.s, cases[i][1], t.len) == 0, "%s: %.*s", cases[i][0],
              (int)t.len, t.s);
        CHECK((n.emails + n.addresses > 0) == (strcmp(cases[i][0], cases[i][1]) != 0), "%s: not counted",
              cases[i][0]);
    }
    strbuf_free(&b);
}

/* Random bytes through everything: no byte outside of the text may be read (run under ASan), and a document
 * must be judged the same when it is judged again. */
static void random_bytes(void)
{
    static const char *const pieces[] = {"\n",
                                         ".",
                                         "...",
                                         "-",
                                         "'",
                                         "'s",
                                         "’",
                                         "a",
                                         "I'm",
                                         "@",
                                         "x.org",
                                         "http://",
                                         "12",
                                         "%",
                                         "\xc3",
                                         "\xe2\x80",
                                         "\xf0\x9f\x98\x80",
                                         "[1]",
                                         "{",
                                         "\t",
                                         "n't",
                                         "(",
                                         "):",
                                         "+",
                                         "\0"};
    struct filter_options o = {.exact = true, .near = true, .mask = true, .sample = 1};
    struct law law = {.options = &o};
    uint64_t state = 3;
    CHECK(rules_parse_sets(&o.rules, "gopher-quality,gopher-repetition,c4,fineweb") == NULL, "sets");
    for (enum rule r = RULE_SHORT_DOC; r <= RULE_LIST; r++)
        o.rules.without[r] = r % 2;
    for (unsigned i = 0; i < 3000; i++) {
        struct judge j = {0}, again = {0};
        struct strbuf b = {0};
        for (uint64_t n = random_next(&state) % 60; n > 0; n--) {
            const char *piece = pieces[random_next(&state) % (sizeof pieces / sizeof *pieces)];
            strbuf_add(&b, piece, *piece ? strlen(piece) : 1);
            if (random_next(&state) % 3 == 0)
                strbuf_add(&b, " ", 1);
        }
        char *copy = memcpy(xmalloc(b.len ? b.len : 1), b.s ? b.s : "", b.len);
        struct judgement first = judge_document(&j, &law, (struct span){copy, b.len}),
                         second = judge_document(&again, &law, (struct span){copy, b.len});
        CHECK(first.verdict.rule == second.verdict.rule && first.text.len == second.text.len, "text %u", i);
        judge_free(&j);
        judge_free(&again);
        strbuf_free(&b);
        free(copy);
    }
}

int main(void)
{
    test_begin(60);
    chars_begin();
    words_begin();
    seen_answers_the_same_with_little_memory();
    signatures_find_what_is_similar();
    simple_text();
    words_are_cut();
    masks();
    random_bytes();
    return 0;
}
