/*
 * demo_test.c - the embedded corpus: the same for ever, varied, well formed, and right
 *
 * Facts are read back from the text and checked with code that shares nothing with the generator.
 * demo_test --print DOMAIN N [SEED] writes N documents, each ended by a line "%%" (tests/cli/demo_code.sh
 * runs them).
 */
#include <ctype.h>
#include <math.h>
#include <string.h>
#include <xxhash.h>
#include "pipeline/demo/demo.h"
#include "tests/check.h"

enum { N_DOCS = 10000 };

static const int domains[] = {DOMAIN_LANGUAGE, DOMAIN_CODE, DOMAIN_MATH, DOMAIN_ML, DOMAIN_LOGIC};
enum { N_GENERATORS = sizeof domains / sizeof *domains };

/* XXH3-64 of the first 100 documents of seed 1, each with its NUL. A change of the corpus changes them: say
 * so in the commit. */
static const uint64_t golden[N_DOMAINS] = {
    [DOMAIN_LANGUAGE] = 0xe539cbcc6fe91783, [DOMAIN_CODE] = 0x4ad378ce64e0b26d,
    [DOMAIN_MATH] = 0xafc5f3b1c8b998b6,     [DOMAIN_ML] = 0x6241ff80d425facd,
    [DOMAIN_LOGIC] = 0x46181d6c95c5f6ef,
};

static void golden_hashes(void)
{
    struct strbuf text = {0};
    for (int k = 0; k < N_GENERATORS; k++) {
        struct demo *d = demo_new(domains[k], 1);
        uint64_t hash = 0;
        for (int i = 0; i < 100; i++) {
            demo_next(d, &text);
            hash = XXH3_64bits_withSeed(text.s, text.len + 1, hash);
        }
        CHECK(hash == golden[domains[k]], "%s: 0x%016llx", domain_names[domains[k]],
              (unsigned long long)hash);
        demo_free(d);
    }
    CHECK(!demo_new(DOMAIN_OTHER, 1) && !demo_new(-1, 1) && !demo_new(N_DOMAINS, 1));
    CHECK(demo_document(DOMAIN_OTHER, 1, 0, &text) == -1);
    demo_free(NULL);
    strbuf_free(&text);
}

/* Documents in any order equal those in sequence; another seed gives others. */
static void random_access(void)
{
    enum { N = 300 };
    struct strbuf text = {0};
    for (int k = 0; k < N_GENERATORS; k++) {
        char *inorder[N];
        int same = 0;
        struct demo *d = demo_new(domains[k], 42);
        for (int i = 0; i < N; i++) {
            demo_next(d, &text);
            inorder[i] = xstrdup(text.s);
        }
        demo_free(d);
        for (int i = N - 1; i >= 0; i--) {
            CHECK(demo_document(domains[k], 42, (uint64_t)i, &text) == 0 && !strcmp(text.s, inorder[i]),
                  "%s %d", domain_names[domains[k]], i);
            demo_document(domains[k], 43, (uint64_t)i, &text);
            same += !strcmp(text.s, inorder[i]);
            free(inorder[i]);
        }
        CHECK(same <= N / 50, "%s: %d documents of two seeds are equal", domain_names[domains[k]], same);
        CHECK(demo_document(domains[k], UINT64_MAX, UINT64_MAX, &text) == 0 && text.len > 0);
    }
    strbuf_free(&text);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void distinct(int domain, double share, size_t smallest, size_t largest)
{
    static uint64_t hash[N_DOCS];
    struct strbuf text = {0};
    struct demo *d = demo_new(domain, 1);
    int different = 1, within = 0;
    for (int i = 0; i < N_DOCS; i++) {
        demo_next(d, &text);
        hash[i] = XXH3_64bits(text.s, text.len);
        within += text.len >= smallest && text.len <= largest;
        CHECK(strlen(text.s) == text.len && text.len >= 20 && text.len <= 1200, "%s %d: %zu bytes",
              domain_names[domain], i, text.len);
    }
    qsort(hash, N_DOCS, sizeof *hash, by_value);
    for (int i = 1; i < N_DOCS; i++)
        different += hash[i] != hash[i - 1];
    CHECK(different >= share * N_DOCS, "%s: %d of %d documents are distinct", domain_names[domain], different,
          N_DOCS);
    CHECK(within >= 0.9 * N_DOCS, "%s: %d of %d documents within %zu to %zu bytes", domain_names[domain],
          within, N_DOCS, smallest, largest);
    demo_free(d);
    strbuf_free(&text);
}

/* Prose: ASCII, no doubled or trailing space, sentences begin with a capital, a/an agree, no word twice in a
 * row. */
static void well_formed(const char *s, bool code)
{
    size_t n = strlen(s);
    CHECK(n && !isspace((unsigned char)s[n - 1]) && !isspace((unsigned char)s[0]), "%s", s);
    for (size_t i = 0; i < n; i++)
        CHECK((s[i] >= ' ' && s[i] <= '~') || s[i] == '\n', "byte %d in: %s", s[i], s);
    CHECK(!strstr(s, " \n") && !strstr(s, "$") && !strstr(s, "\n\n\n\n"), "%s", s);
    if (code)
        return;
    CHECK(!strstr(s, "  ") && !strstr(s, " ,") && !strstr(s, "..") && !strstr(s, "|") && !strstr(s, "@"),
          "%s", s);
    for (const char *p = s; (p = strpbrk(p, ".!?")); p++) {
        if (p[1] == ' ')
            CHECK(!islower((unsigned char)p[2]), "no capital behind '%.12s' in: %s", p, s);
    }
    for (const char *p = s; (p = strstr(p, " a ")); p++)
        CHECK(!strchr("aeio", p[3]) || !strncmp(p + 3, "one", 3), "'%.12s' in: %s", p, s);
    for (const char *p = s; (p = strstr(p, " an ")); p++)
        CHECK(strchr("aeiouAEIOULF8", p[4]) || !strncmp(p + 4, "honest", 6), "'%.12s' in: %s", p, s);
}

static void all_well_formed(void)
{
    struct strbuf text = {0};
    for (int k = 0; k < N_GENERATORS; k++)
        for (uint64_t i = 0; i < 3000; i++) {
            demo_document(domains[k], 5, i, &text);
            well_formed(text.s, domains[k] == DOMAIN_CODE);
        }
    strbuf_free(&text);
}

/* ---- arithmetic: a small calculator reads the text ---- */

static double sum(const char **s);

static double factor(const char **s)
{
    double v;
    while (**s == ' ')
        ++*s;
    if (**s == '(') {
        ++*s;
        v = sum(s);
        CHECK(**s == ')');
        ++*s;
    } else {
        char *end;
        v = strtod(*s, &end);
        CHECK(end > *s, "no number at '%.20s'", *s);
        *s = end - (end[-1] == '.'); /* the point of a sentence is no part of its last number */
    }
    while (**s == ' ')
        ++*s;
    return v;
}

static double term(const char **s)
{
    double v = factor(s);
    while (**s == '*' || **s == '/') {
        bool times = *(*s)++ == '*';
        double w = factor(s);
        v = times ? v * w : v / w;
    }
    return v;
}

static double sum(const char **s)
{
    double v = term(s);
    while (**s == '+' || **s == '-') {
        bool plus = *(*s)++ == '+';
        double w = term(s);
        v = plus ? v + w : v - w;
    }
    return v;
}

static bool in_formula(const char *p)
{
    return strchr("0123456789+-*/() ", *p) || (*p == '.' && isdigit((unsigned char)p[1]));
}

/* Checks each "formula = formula" without unknowns; returns how many, and the last right side. */
static int check_equations(const char *s, const char *end, double *last)
{
    int n = 0;
    for (const char *p = s; (p = strstr(p, " = ")) && p < end; p += 3) {
        const char *left = p, *right = p + 3, *stop;
        while (left > s && in_formula(left - 1))
            left--;
        for (stop = right; *stop && in_formula(stop); stop++)
            ;
        bool unknown = (left > s && isalpha((unsigned char)left[-1]) && left[0] != ' ') ||
                       !strncmp(left, " = ", 3) || left == p || isalpha((unsigned char)*stop) ||
                       !isdigit((unsigned char)*right);
        while (*left == ' ')
            left++;
        if (unknown || left >= p || strchr("+-*/", *left))
            continue;
        const char *at = left;
        double l = sum(&at), r = sum(&right);
        CHECK(fabs(l - r) < 1e-9, "wrong: '%.*s' in: %.*s", (int)(right - left), left, (int)(end - s), s);
        *last = r;
        n++;
    }
    return n;
}

/* "What is 3 + 4 * 2?" ... "The answer is 11." */
static bool check_question(const char *s, const char *end)
{
    const char *p = s + strlen("What is "), *answer = strstr(s, "The answer is ");
    if (strncmp(s, "What is ", 8) || !(isdigit((unsigned char)*p) || *p == '(') || !answer || answer > end)
        return false;
    answer += strlen("The answer is ");
    double asked = sum(&p), said = sum(&answer);
    CHECK(*p == '?' && fabs(asked - said) < 1e-9, "wrong answer in: %.*s", (int)(end - s), s);
    return true;
}

/* "Count up 5 from 7: 1 is 8, 2 is 9, ... 5 is 12." */
static bool check_count(const char *s, const char *end)
{
    char way[5];
    int n, from, i = 0, step, value, used;
    const char *p = strstr(s, "Count ");
    if (!p || p > end || sscanf(p, "Count %4s %d from %d:%n", way, &n, &from, &used) != 3)
        return false;
    for (p += used; sscanf(p, " %d is %d%n", &step, &value, &used) == 2; p += used + 1) {
        i++;
        CHECK(step == i && value == from + (!strcmp(way, "up") ? i : -i), "wrong count in: %.*s",
              (int)(end - s), s);
    }
    CHECK(i == n && n > 0, "%d of %d in: %.*s", i, n, (int)(end - s), s);
    return true;
}

/* The last number of a block of text that ends at end. */
static double last_number(const char *s, const char *end)
{
    while (end > s && !isdigit((unsigned char)end[-1]))
        end--;
    while (end > s && isdigit((unsigned char)end[-1]))
        end--;
    return strtod(end, NULL);
}

static void check_comparison(const char *s, const char *end)
{
    int a, b, said;
    const char *p = memmem(s, (size_t)(end - s), "\n", 1);
    if (!p)
        return;
    bool larger = strstr(s, "larger") && strstr(s, "larger") < p;
    CHECK(sscanf(strchr(s, ',') + 1, " %d or %d?", &a, &b) == 2, "%s", s);
    said = (int)last_number(s, end);
    CHECK(said == (larger ? (a > b ? a : b) : (a > b ? b : a)), "%s", s);
}

static void math_is_right(void)
{
    struct strbuf text = {0};
    long equations = 0, asked = 0, counted = 0, stories = 0, compared = 0;
    for (uint64_t i = 0; i < N_DOCS; i++) {
        demo_document(DOMAIN_MATH, 9, i, &text);
        for (const char *s = text.s, *end; s; s = *end ? end + 2 : NULL) {
            double last = NAN;
            end = strstr(s, "\n\n");
            if (!end)
                end = text.s + text.len;
            int n = check_equations(s, end, &last);
            equations += n;
            asked += check_question(s, end);
            counted += check_count(s, end);
            if (strstr(s, "How many ") && strstr(s, "How many ") < end) {
                if (strstr(s, " more than ") && strstr(s, " more than ") < end)
                    CHECK(n > 0);
                else
                    CHECK(n > 0 && last_number(s, end) == last, "%.*s", (int)(end - s), s);
                stories++;
            }
            if (!strncmp(s, "Which number is ", 16)) {
                check_comparison(s, end);
                compared++;
            }
        }
    }
    CHECK(equations > 2 * N_DOCS && asked > N_DOCS && counted > N_DOCS && stories > 1000 && compared > 300,
          "%ld %ld %ld %ld %ld", equations, asked, counted, stories, compared);
    equations = 0;
    for (uint64_t i = 0; i < N_DOCS; i++) {
        double last;
        demo_document(DOMAIN_ML, 9, i, &text);
        equations += check_equations(text.s, text.s + text.len, &last);
    }
    CHECK(equations > 3000, "%ld", equations);
    strbuf_free(&text);
}

/* The checker itself must see a wrong sum: 1 when it accepts the text. */
static void checker_reads_equations(void)
{
    double last = 0;
    const char *s =
        "Tens: 2 + 3 + 1 = 6.\n2x + 7 = 13, x = 12 / 4 = 3. What is 5 + ? = 8? 1/5 + 2/5 = 3/5. 0.1 * 9 "
        "= 0.9.";
    CHECK(check_equations(s, s + strlen(s), &last) == 4 && last == 0.9);
}

/* ---- stories ---- */

static const char *const girls[] = {"Lily",  "Mia",   "Anna",  "Sara", "Emma", "Lucy", "Zoe",
                                    "Ella",  "Rose",  "Daisy", "Nora", "Amy",  "Kate", "Ruby",
                                    "Molly", "Grace", "Eva",   "Jane", NULL};
static const char *const boys[] = {"Tom",  "Ben",    "Max",   "Sam",  "Leo",   "Tim",  "Jack",
                                   "Finn", "Oliver", "Noah",  "Adam", "Henry", "Luke", "Owen",
                                   "Theo", "Peter",  "Oscar", "Will", NULL};
static const char *const women[] = {"mom", "grandma", "girl", NULL};
static const char *const men[] = {"dad", "grandpa", "boy", NULL};
static const char *const she[] = {"she", "her", "herself", NULL};
static const char *const he[] = {"he", "him", "his", "himself", NULL};
static const char *const colors[] = {"red",    "blue", "green", "yellow", "orange",
                                     "purple", "pink", "white", NULL};
static const char *const toys[] = {"ball",  "kite",  "car", "doll",  "boat",    "drum", "train",
                                   "truck", "robot", "hat", "scarf", "balloon", NULL};

static int find(const char *const *list, const char *word)
{
    for (int i = 0; list[i]; i++)
        if (!strcmp(list[i], word))
            return i;
    return -1;
}

static const char *next_word(const char *s, char word[32])
{
    size_t n = 0;
    while (*s && !isalpha((unsigned char)*s))
        s++;
    while (isalpha((unsigned char)*s)) {
        if (n < 31)
            word[n++] = *s;
        s++;
    }
    word[n] = '\0';
    return s;
}

/* The people named in a story, its words for them, and the color of each toy. */
static void check_story(const char *s)
{
    int named[2] = {0, 0}, grown[2] = {0, 0}, pronouns[2] = {0, 0}, hero = -1, hero_named = 0, color_of[16];
    int friend_named = 0;
    char word[32], before[32] = "", first[32] = "", second[32] = "";
    memset(color_of, -1, sizeof color_of);
    for (const char *p = next_word(s, word); *word; p = next_word(p, word)) {
        int gender = find(girls, word) >= 0 ? 0 : find(boys, word) >= 0 ? 1 : -1;
        if (gender >= 0) {
            named[gender]++;
            if (hero < 0) {
                hero = gender;
                strcpy(first, word);
            }
            if (strcmp(word, first)) {
                if (!*second) {
                    CHECK(!strcmp(before, "friend") || !strcmp(before, "named"), "who is %s: %s", word, s);
                    CHECK(gender != hero, "%s and %s are both he or she: %s", first, word, s);
                    strcpy(second, word);
                }
                CHECK(!strcmp(word, second), "%s is a third name: %s", word, s);
                friend_named++;
            } else {
                hero_named++;
            }
        }
        int color = find(colors, before), toy = find(toys, word);
        if (color >= 0 && toy >= 0) {
            CHECK(color_of[toy] < 0 || color_of[toy] == color, "the %s changes its color: %s", word, s);
            color_of[toy] = color;
        }
        word[0] = (char)tolower((unsigned char)word[0]);
        grown[0] += find(women, word) >= 0;
        grown[1] += find(men, word) >= 0;
        int g = find(she, word) >= 0 ? 0 : find(he, word) >= 0 ? 1 : -1;
        if (g >= 0) {
            /* until someone else is named, a pronoun is the hero's */
            CHECK(pronouns[0] + pronouns[1] || g == hero || named[g] || grown[g], "first pronoun '%s': %s",
                  word, s);
            pronouns[g]++;
        }
        strcpy(before, word);
    }
    for (int g = 0; g < 2; g++)
        CHECK(!pronouns[g] || named[g] || grown[g], "a pronoun has nobody: %s", s);
    CHECK(friend_named <= 2, "%s is named %d times: %s", second, friend_named, s);
    CHECK(hero_named >= 4, "the hero is named %d times: %s", hero_named, s);
    CHECK(strchr(".!?\"", s[strlen(s) - 1]), "%s", s);
}

static void stories_are_consistent(void)
{
    static const char *const opening[] = {"Once upon a time, ", "There once was ", "One day, ",
                                          "One sunny day, "};
    struct strbuf text = {0};
    char(*vocabulary)[32] = xcalloc(4096, 32), word[32];
    int n_words = 0, opened = 0;
    for (uint64_t i = 0; i < 5000; i++) {
        demo_document(DOMAIN_LANGUAGE, 3, i, &text);
        check_story(text.s);
        for (int k = 0; k < 4; k++)
            opened += !strncmp(text.s, opening[k], strlen(opening[k]));
        for (const char *p = next_word(text.s, word); *word && i < 1000; p = next_word(p, word)) {
            int k = 0;
            while (k < n_words && strcmp(vocabulary[k], word))
                k++;
            CHECK(k < 1500, "more than 1500 words");
            if (k == n_words)
                strcpy(vocabulary[n_words++], word);
        }
    }
    CHECK(opened == 5000 && n_words > 400, "%d %d", opened, n_words);
    free(vocabulary);
    strbuf_free(&text);
}

/* ---- code: brackets of Rust and TypeScript; Python is run by tests/cli/demo_code.sh ---- */

static void check_brackets(const char *s)
{
    char open[64];
    int depth = 0;
    for (const char *p = s; *p; p++) {
        if (p[0] == '/' && (p[1] == '/' || p[1] == '*')) {
            while (p[1] && p[1] != '\n')
                p++;
        } else if (*p == '"') {
            for (p++; *p && *p != '"'; p++)
                ;
            CHECK(*p, "open string: %s", s);
        } else if (*p == '\'') {
            CHECK(p[2] == '\'', "%s", s);
            p += 2;
        } else if (strchr("([{", *p)) {
            CHECK(depth < 64);
            open[depth++] = *p;
        } else if (strchr(")]}", *p)) {
            CHECK(depth && open[--depth] == (*p == ')' ? '(' : *p == ']' ? '[' : '{'), "%s", s);
        }
    }
    CHECK(!depth, "%s", s);
}

static void code_is_balanced(void)
{
    struct strbuf text = {0};
    int rust = 0, typescript = 0, python = 0, triton = 0;
    for (uint64_t i = 0; i < 5000; i++) {
        demo_document(DOMAIN_CODE, 3, i, &text);
        bool is_rust = !strncmp(text.s, "// Rust\n", 8), is_ts = !strncmp(text.s, "// TypeScript\n", 14);
        rust += is_rust;
        typescript += is_ts;
        triton += !strncmp(text.s, "# Triton\n", 9);
        python +=
            !strncmp(text.s, "# Python\n", 9) || !strncmp(text.s, "def ", 4) || !strncmp(text.s, "class ", 6);
        if (is_rust || is_ts)
            check_brackets(text.s);
    }
    CHECK(python + rust + typescript + triton == 5000 && python > 2700 && rust > 300 && typescript > 300 &&
              triton > 200,
          "%d %d %d %d", python, rust, typescript, triton);
    strbuf_free(&text);
}

/* ---- logic ---- */

/* "A is taller than B. ... Who is the tallest?": the answer must stand above, or below, all others. */
static bool check_ordering(const char *s)
{
    static const char *const less[] = {"shorter", "younger", "slower", "weaker", "lighter", NULL};
    char name[8][32], a[32], b[32], how[32], asked[32], said[32];
    bool above[8][8] = {{false}};
    int n = 0, used;
    const char *p = s;
    while (sscanf(p, "%31s is %31s than %31[A-Za-z].%n", a, how, b, &used) == 3 && strncmp(p, "Who", 3) &&
           strncmp(p, "Is ", 3)) {
        int ia = -1, ib = -1;
        for (int i = 0; i < n; i++) {
            ia = strcmp(name[i], a) ? ia : i;
            ib = strcmp(name[i], b) ? ib : i;
        }
        if (ia < 0)
            strcpy(name[ia = n++], a);
        if (ib < 0)
            strcpy(name[ib = n++], b);
        if (find(less, how) < 0)
            above[ia][ib] = true;
        else
            above[ib][ia] = true;
        p += used + 1;
    }
    if (n < 3 || sscanf(p, "Who is the %31[a-z]?\nAnswer: %31[A-Za-z].", asked, said) != 2)
        return false;
    for (int k = 0; k < n; k++)
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
                above[i][j] |= above[i][k] && above[k][j];
    strcpy(asked + strlen(asked) - 3, "er");
    bool lowest = find(less, asked) >= 0;
    for (int i = 0; i < n; i++) {
        CHECK(!above[i][i], "%s", s);
        if (strcmp(name[i], said))
            continue;
        for (int j = 0; j < n; j++)
            CHECK(i == j || (lowest ? above[j][i] : above[i][j]), "%s", s);
    }
    return true;
}

/* "Row: 1 _ 3 4\nAnswer: 2.": with the answer, each number from 1 to n is there once. */
static int check_rows(const char *s)
{
    int n, rows = 0;
    if (sscanf(s, "Each row has the numbers 1 to %d once", &n) != 1)
        return 0;
    for (const char *p = s; (p = strstr(p, "Row:")); p++, rows++) {
        unsigned seen = 0;
        for (const char *q = p + 4; *q != '\n'; q++)
            if (isdigit((unsigned char)*q))
                seen |= 1u << (*q - '0');
        seen |= 1u << (strstr(p, "Answer: ")[8] - '0');
        CHECK(seen == (2u << n) - 2, "%s", s);
    }
    return rows;
}

/* P is true and Q is false. What is "not P or Q"? */
static int check_values(const char *s)
{
    char p, q, tp[8], tq[8], formula[64], said[8];
    int n = 0;
    for (const char *at = s; (at = strstr(at, "What is \"")); at++) {
        const char *line = at;
        while (line > s && line[-1] != '\n')
            line--;
        CHECK(sscanf(line, "%c is %7[a-z] and %c is %7[a-z]. What is \"%63[^\"]\"?\nAnswer: %7[a-z].", &p, tp,
                     &q, tq, formula, said) == 6,
              "%s", s);
        bool vp = !strcmp(tp, "true"), vq = !strcmp(tq, "true");
        char *not_p = strstr(formula, "not "), *second = strrchr(formula, q), *first = strchr(formula, p);
        CHECK(first && second > first);
        vp ^= not_p && not_p < first;
        vq ^= second - formula >= 4 && !strncmp(second - 4, "not ", 4);
        bool r = strstr(formula, " and ") ? vp && vq : strstr(formula, " or ") ? vp || vq : !vp || vq;
        CHECK(!strcmp(said, r ? "true" : "false"), "%s", s);
        n++;
    }
    return n;
}

static void logic_is_right(void)
{
    struct strbuf text = {0};
    int orderings = 0, rows = 0, values = 0, answers = 0;
    for (uint64_t i = 0; i < N_DOCS; i++) {
        demo_document(DOMAIN_LOGIC, 11, i, &text);
        answers += strstr(text.s, "Answer: ") != NULL;
        orderings += check_ordering(text.s);
        rows += check_rows(text.s);
        values += check_values(text.s);
    }
    CHECK(answers == N_DOCS && orderings > 500 && rows > 500 && values > 1000, "%d %d %d %d", answers,
          orderings, rows, values);
    strbuf_free(&text);
}

static int print_documents(int argc, char **argv)
{
    struct strbuf text = {0};
    struct demo *d =
        argc > 3 ? demo_new(domain_from_name(argv[2]), argc > 4 ? strtoull(argv[4], NULL, 10) : 1) : NULL;
    if (!d)
        return 2;
    for (long i = 0, n = atol(argv[3]); i < n; i++) {
        demo_next(d, &text);
        printf("%s\n%%%%\n", text.s);
    }
    demo_free(d);
    strbuf_free(&text);
    return 0;
}

int main(int argc, char **argv)
{
    test_begin(120);
    if (argc > 1 && !strcmp(argv[1], "--print"))
        return print_documents(argc, argv);
    golden_hashes();
    random_access();
    distinct(DOMAIN_LANGUAGE, 0.999, 400, 1000);
    distinct(DOMAIN_CODE, 0.99, 100, 800);
    distinct(DOMAIN_MATH, 0.99, 50, 500);
    distinct(DOMAIN_ML, 0.99, 150, 700);
    distinct(DOMAIN_LOGIC, 0.99, 80, 600);
    all_well_formed();
    checker_reads_equations();
    math_is_right();
    stories_are_consistent();
    code_is_balanced();
    logic_is_right();
    return 0;
}
