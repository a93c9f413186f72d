/*
 * filter_rules_test - every rule of filter drops a text that breaks it and nothing else, and keeps one at its
 * limit
 */
#include "pipeline/filter/rules.h"
#include "tests/check.h"

#include <math.h>
#include <string.h>

static struct rules_scratch scratch;
static struct strbuf text;

/* Appends to the text n times. */
static void add(const char *s, unsigned n)
{
    while (n-- > 0)
        strbuf_add(&text, s, strlen(s));
}

/* n sentences of 8 different words each, on lines of their own. */
static void add_prose(unsigned n)
{
    static unsigned serial;
    for (unsigned i = 0; i < n; i++, serial++) {
        char word[8] = {0};
        for (unsigned k = 0, v = serial; k < 5; k++, v /= 26)
            word[k] = (char)('a' + v % 26);
        strbuf_addf(&text, "Now the %s goes to %sa with %sb.\n", word, word, word);
    }
}

/* Judges the text by one rule of a set, and empties it. */
static struct verdict judge(const char *set, enum rule only)
{
    struct rule_choice c = {0};
    CHECK(rules_parse_sets(&c, set) == NULL, "%s", set);
    for (enum rule r = 0; r < N_RULES; r++)
        c.without[r] = r != only;
    struct span t = {text.s, text.len};
    struct verdict v = rules_apply(&c, &scratch, &t);
    strbuf_reset(&text);
    return v;
}

#define DROPS(set, by)                                                                                       \
    do {                                                                                                     \
        struct verdict got_ = judge(set, by);                                                                \
        CHECK(got_.rule == (by), "%s: %s", rule_names[by], rule_names[got_.rule]);                           \
    } while (0)
#define KEEPS(set, by)                                                                                       \
    do {                                                                                                     \
        struct verdict got_ = judge(set, by);                                                                \
        CHECK(got_.rule == RULE_KEEP, "%s: %s, %g", rule_names[by], rule_names[got_.rule], got_.value);      \
    } while (0)

static void gopher_quality_rules(void)
{
    const char *set = "gopher-quality";
    add("the of word ", 16), add("end", 1);
    DROPS(set, RULE_SHORT_DOC); /* 49 words */
    add("the of word ", 16), add("end word", 1);
    KEEPS(set, RULE_SHORT_DOC);
    add("the of word ", 33334);
    DROPS(set, RULE_LONG_DOC); /* 100002 */
    add("the of word ", 33333);
    KEEPS(set, RULE_LONG_DOC);
    add("to be ab ", 20);
    DROPS(set, RULE_SHORT_WORDS); /* 2 letters */
    add("to be abcde ", 20);
    KEEPS(set, RULE_SHORT_WORDS); /* 3 */
    add("the of abcdefghijklmnopqrstuvwxyz ", 30);
    DROPS(set, RULE_LONG_WORDS); /* 10.3 */
    add("the of abcdefghijklmnopqrstuvwxy ", 30);
    KEEPS(set, RULE_LONG_WORDS);
    add("#the of word more ", 20);
    DROPS(set, RULE_HASHES); /* 1 of 5, a # being a word */
    add("#the of word more again and then so ", 20);
    DROPS(set, RULE_HASHES); /* 1 of 9 */
    add("#the of word more again and then so on ", 20);
    KEEPS(set, RULE_HASHES); /* 1 of 10 is the limit */
    add("the of word more again and then so ... ", 20);
    DROPS(set, RULE_ELLIPSES); /* 1 of 9 */
    add("the of word more again and then so on … ", 20), add("end", 1);
    KEEPS(set, RULE_ELLIPSES);
    add("  - another word of this\n", 19), add("the end of this\n", 2);
    DROPS(set, RULE_BULLETS); /* 19 of 21 */
    add("• another word of this\n", 18), add("the end of this\n", 2);
    KEEPS(set, RULE_BULLETS);
    add("the word of it all and that ends so...  \n", 4), add("the word of it all and that is the end\n", 9);
    DROPS(set, RULE_END_ELLIPSES); /* 4 of 13 */
    add("the word of it all and that ends so…\n", 3), add("the word of it all and that is the end\n", 7);
    KEEPS(set, RULE_END_ELLIPSES);
    add("the word of it 12345 and 67890 is\n", 20);
    DROPS(set, RULE_ALPHA); /* 6 of 8 */
    add("the word of it and 67890 is so long and\n", 20);
    KEEPS(set, RULE_ALPHA);
    add("some words here that make no sense\n", 10);
    DROPS(set, RULE_STOP_WORDS); /* "that" alone */
    add("some words here that have no sense\n", 10);
    KEEPS(set, RULE_STOP_WORDS);
}

static void repetition_rules(void)
{
    const char *set = "gopher-repetition";
    for (unsigned i = 0; i < 6; i++)
        add_prose(3), add("\n", 1);
    add("x\n\n", 4);
    KEEPS(set, RULE_PARAGRAPHS); /* 3 of 10 */
    for (unsigned i = 0; i < 5; i++)
        add_prose(3), add("\n", 1);
    add("x\n\n", 4);
    DROPS(set, RULE_PARAGRAPHS); /* 3 of 9 */
    for (unsigned n = 2; n <= 3; n++) {
        static const char paragraph[] =
            "A paragraph of forty characters, newline\nand another forty so that it is eighty\n\n";
        add(paragraph, 2);
        for (unsigned i = 0; i < n * 80 - 4; i += 8)
            add("abcdefg ", 1);
        if (n == 2)
            DROPS(set, RULE_PARAGRAPH_CHARS); /* 80 of some 324, and of some 404 */
        else
            KEEPS(set, RULE_PARAGRAPH_CHARS);
    }
    add_prose(6), add("x\n", 5);
    DROPS(set, RULE_LINES); /* 4 of 12, with the empty one at the end */
    add_prose(7), add("x\n", 4);
    KEEPS(set, RULE_LINES); /* 3 of 12 */
    add("A line of forty characters with newline\n", 2), add("abcdefg ", 13);
    DROPS(set, RULE_LINE_CHARS); /* 39 of 184 */
    add("A line of forty characters with newline\n", 2), add("abcdefg ", 15);
    KEEPS(set, RULE_LINE_CHARS); /* 39 of 200 */
}

/* n different words of 4 characters each, and a space. */
static void add_different(unsigned n)
{
    static unsigned serial;
    for (unsigned i = 0; i < n; i++, serial++)
        strbuf_addf(&text, "w%03u ", serial % 1000);
}

/* The most frequent n-gram takes a share of the text: two times of n words and the spaces between them. */
static void top_gram_rules(void)
{
    static const char *const grams[] = {"aaaa bbbb ", "aaaa bbbb cccc ", "aaaa bbbb cccc dddd "};
    static const unsigned most[] = {13, 25, 39}; /* other words: 2 * (5n - 1) of 5 * (2n + most) exceed it */
    for (unsigned n = 2; n <= 4; n++)
        for (unsigned more = 0; more < 2; more++) {
            enum rule rule = RULE_TOP_2_GRAM + n - 2;
            add(grams[n - 2], 1), add_different(most[n - 2] / 2), add(grams[n - 2], 1);
            add_different(most[n - 2] - most[n - 2] / 2 + (more ? 3 : 0));
            if (more)
                KEEPS("gopher-repetition", rule);
            else
                DROPS("gopher-repetition", rule);
        }
}

/* n words in a row that were there before are an n-gram; n - 1 are none. */
static void repeated_gram_rules(void)
{
    for (unsigned n = 5; n <= 10; n++)
        for (unsigned words = n - 1; words <= n; words++) {
            enum rule rule = RULE_5_GRAMS + n - 5;
            add_different(n * 4);
            strbuf_add(&text, text.s, words * 5);
            if (words < n)
                KEEPS("gopher-repetition", rule);
            else
                DROPS("gopher-repetition", rule); /* a fifth of the text */
            add_different(n * 9);
            strbuf_add(&text, text.s, words * 5);
            KEEPS("gopher-repetition", rule); /* a tenth, less a space each */
        }
}

static void c4_rules(void)
{
    const char *set = "c4";
    add_prose(5);
    KEEPS(set, RULE_FEW_SENTENCES);
    add_prose(4);
    DROPS(set, RULE_FEW_SENTENCES);
    add_prose(5), add("Then Lorem Ipsum is said.\n", 1);
    DROPS(set, RULE_LOREM_IPSUM);
    add_prose(5), add("Then Lorem is said.\n", 1);
    KEEPS(set, RULE_LOREM_IPSUM);
    add_prose(5), add("A block { of code } is here.\n", 1);
    DROPS(set, RULE_CURLY_BRACKET);
    add_prose(5), add("A block ( of code } is here.\n", 1);
    KEEPS(set, RULE_CURLY_BRACKET);
    static const struct {
        const char *line;
        enum rule rule;
    } lines[] = {{"A line without an end\n", RULE_LINE_PUNCTUATION},
                 {"A line that is left open...\n", RULE_LINE_PUNCTUATION},
                 {"Two words.\n", RULE_LINE_FEW_WORDS},
                 {"Please enable JavaScript to see this.\n", RULE_LINE_JAVASCRIPT},
                 {"This site uses Cookies to know you.\n", RULE_LINE_POLICY}};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct rule_choice c = {0};
        CHECK(rules_parse_sets(&c, set) == NULL, "set");
        add_prose(3), add(lines[i].line, 1), add_prose(3);
        struct span t = {text.s, text.len};
        CHECK(rules_apply(&c, &scratch, &t).rule == RULE_KEEP, "line %zu", i);
        CHECK(!memmem(t.s, t.len, lines[i].line, strlen(lines[i].line) - 1), "line %zu is still there", i);
        CHECK(scratch.lines[lines[i].rule - FIRST_LINE_RULE] == 1, "line %zu was not counted", i);
        CHECK(t.len == text.len - strlen(lines[i].line) - 1, "line %zu: %zu of %zu bytes", i, t.len,
              text.len);
        c.without[lines[i].rule] = true;
        t = (struct span){text.s, text.len};
        CHECK(rules_apply(&c, &scratch, &t).rule == RULE_KEEP && t.len == text.len - 1, "line %zu --without",
              i);
        strbuf_reset(&text);
    }
    add_prose(5), add("A", 1), add("b", 1000), add(" is too long.\n", 1);
    struct rule_choice c = {0};
    CHECK(rules_parse_sets(&c, set) == NULL, "set");
    struct span t = {text.s, text.len};
    CHECK(rules_apply(&c, &scratch, &t).rule == RULE_KEEP &&
              scratch.lines[RULE_LINE_LONG_WORD - FIRST_LINE_RULE] == 1,
          "1001 letters");
    strbuf_reset(&text);
    add("He said so.[12] She did[citation needed] too.[edit]\nA [13a] stays. Here it is.[]\nOne more is "
        "here!\n",
        1);
    t = (struct span){text.s, text.len};
    CHECK(rules_apply(&c, &scratch, &t).rule == RULE_KEEP, "citations");
    const char *want = "He said so. She did too.\nA [13a] stays. Here it is.\nOne more is here!";
    CHECK(t.len == strlen(want) && memcmp(t.s, want, t.len) == 0, "%.*s", (int)t.len, t.s);
    strbuf_reset(&text);
}

static void fineweb_rules(void)
{
    const char *set = "fineweb";
    for (unsigned i = 0; i < 10; i++)
        strbuf_addf(&text, "Line %u is a long one and it does not end\n", i);
    add("This is the one line with an end.\n", 1);
    DROPS(set, RULE_LINE_ENDS); /* 1 of 11 */
    for (unsigned i = 0; i < 7; i++)
        strbuf_addf(&text, "Line %u is a long one and it does not end\n", i);
    add("This is the one line with an end.\n", 1);
    KEEPS(set, RULE_LINE_ENDS); /* 1 of 8 */
    add_prose(1);
    for (unsigned i = 0; i < 3; i++)
        strbuf_addf(&text, "Line %u is short, I said to all.\n", i); /* 31 characters */
    for (unsigned i = 0; i < 9; i++)
        strbuf_addf(&text, "Line %u is short, I say to all.\n", i); /* 30 */
    DROPS(set, RULE_SHORT_LINES);                                   /* 9 of 13 */
    add_prose(1);
    for (unsigned i = 0; i < 4; i++)
        strbuf_addf(&text, "Line %u is short, I said to all.\n", i);
    for (unsigned i = 0; i < 8; i++)
        strbuf_addf(&text, "Line %u is short, I say to all.\n", i);
    KEEPS(set, RULE_SHORT_LINES); /* 8 of 13 */
    add_prose(8), add("This line is said again.\n", 2);
    DROPS(set, RULE_DUPLICATE_CHARS); /* 24 of less than 400 */
    add_prose(80), add("This line is said again.\n", 2);
    KEEPS(set, RULE_DUPLICATE_CHARS);
    add("This is a line of quite a number of words.\n\n\n\n\n\n\n\n", 1);
    DROPS(set, RULE_LIST); /* 8 to 10 words */
    add("This is a line of quite a number of words\n\n\n", 1);
    KEEPS(set, RULE_LIST); /* 3 to 9 */
    add(" \n \n", 1);
    CHECK(judge(set, RULE_LIST).rule == RULE_EMPTY, "blank lines");
}

static void lists_of_rules(void)
{
    struct rule_choice c = {0};
    CHECK(rules_parse_sets(&c, "c4,fineweb") == NULL && c.n_sets == 2 && c.sets[0] == SET_C4, "two sets");
    CHECK(rule_is_chosen(&c, RULE_LIST) && !rule_is_chosen(&c, RULE_LINES), "rules of the sets");
    char *word = rules_parse_sets(&c, "c4");
    CHECK(word && strcmp(word, "c4") == 0, "given twice");
    free(word);
    word = rules_parse_sets(&c, "c5");
    CHECK(word && strcmp(word, "c5") == 0, "unknown");
    free(word);
    word = rules_parse_without(&c, "list_ratio,exact_duplicate");
    CHECK(word && strcmp(word, "exact_duplicate") == 0 && !rule_is_chosen(&c, RULE_LIST), "--without");
    free(word);
}

int main(void)
{
    test_begin(20);
    chars_begin();
    words_begin();
    gopher_quality_rules();
    repetition_rules();
    top_gram_rules();
    repeated_gram_rules();
    c4_rules();
    fineweb_rules();
    lists_of_rules();
    rules_scratch_free(&scratch);
    strbuf_free(&text);
    return 0;
}
