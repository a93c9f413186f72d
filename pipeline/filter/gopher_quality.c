/*
 * gopher_quality.c - the quality rules of Gopher: is this running English text?
 * Source: Rae et al. 2021, arXiv:2112.11446, appendix A1.1, with datatrove's limits
 */
#include "pipeline/filter/rules.h"

#include <math.h>
#include <string.h>

struct counts {
    size_t words, plain, plain_chars, with_letter; /* plain: words that are not signs alone */
    unsigned stop_words;                           /* different ones */
};

static unsigned stop_word(const struct word *w)
{
    static const char *const words[] = {"the", "be", "to", "of", "and", "that", "have", "with"};
    for (unsigned i = 0; w->len <= 4 && i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == w->len && memcmp(words[i], w->s, w->len) == 0)
            return 1u << i;
    return 0;
}

static struct counts count_words(const struct words *w)
{
    struct counts n = {.words = w->n};
    unsigned stop_words = 0;
    for (size_t i = 0; i < w->n; i++) {
        bool plain = !(w->v[i].class & WORD_SIGNS);
        n.plain += plain;
        n.plain_chars += plain ? w->v[i].chars : 0;
        n.with_letter += (w->v[i].class & WORD_LETTER) != 0;
        stop_words |= stop_word(&w->v[i]);
    }
    n.stop_words = (unsigned)__builtin_popcount(stop_words);
    return n;
}

static bool line_rules(const struct rule_choice *c, struct verdict *v, struct span text)
{
    double lines = 0, bullets = 0, ellipses = 0;
    struct span line;
    while (span_line(&text, &line)) {
        struct span start = span_strip_left(line), end = span_strip_right(line);
        lines++;
        bullets += span_starts(start, "•") || span_starts(start, "-");
        ellipses += span_ends(end, "...") || span_ends(end, "…");
    }
    return rule_above(c, v, RULE_BULLETS, bullets / lines, 0.9) ||
           rule_above(c, v, RULE_END_ELLIPSES, ellipses / lines, 0.3);
}

struct verdict gopher_quality(const struct rule_choice *c, struct rules_scratch *s, struct span text)
{
    struct counts n = count_words(rules_words(s, text));
    struct verdict v = {RULE_KEEP, NAN};
    double words = (double)n.words, length = (double)n.plain_chars / (double)n.plain;
    if (rule_below(c, &v, RULE_SHORT_DOC, (double)n.plain, 50) ||
        rule_above(c, &v, RULE_LONG_DOC, (double)n.plain, 100000) ||
        rule_below(c, &v, RULE_SHORT_WORDS, length, 3) || rule_above(c, &v, RULE_LONG_WORDS, length, 10) ||
        rule_above(c, &v, RULE_HASHES, (double)span_count(text, "#") / words, 0.1) ||
        rule_above(c, &v, RULE_ELLIPSES, (double)(span_count(text, "...") + span_count(text, "…")) / words,
                   0.1) ||
        line_rules(c, &v, text) || rule_below(c, &v, RULE_ALPHA, (double)n.with_letter / words, 0.8) ||
        rule_below(c, &v, RULE_STOP_WORDS, n.stop_words, 2))
        return v;
    return v;
}
