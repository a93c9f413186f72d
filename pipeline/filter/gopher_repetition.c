/*
 * gopher_repetition.c - the repetition rules of Gopher: how much of the text has been said before in it?
 * Source: Rae et al. 2021, arXiv:2112.11446, table A1, as datatrove computes it
 */
#include "pipeline/filter/minhash.h"
#include "pipeline/filter/rules.h"

#include <math.h>
#include <string.h>

/* Counts the pieces between runs of at least `newlines` newlines. */
static struct repeated count_pieces(struct repeats *r, struct span text, size_t newlines)
{
    struct repeated n = {0};
    const char *from = text.s, *end = text.s + text.len, *s = text.s;
    size_t most = 1;
    for (const char *at = s; most < WORDS_MAX && (at = memchr(at, '\n', (size_t)(end - at))); at++)
        most++;
    repeats_begin(r, most);
    while (n.pieces < WORDS_MAX && (s = memchr(s, '\n', (size_t)(end - s)))) {
        const char *behind = s;
        while (behind < end && *behind == '\n')
            behind++;
        if ((size_t)(behind - s) >= newlines) {
            repeated_add(&n, r, from, (size_t)(s - from));
            from = behind;
        }
        s = behind;
    }
    if (n.pieces < WORDS_MAX)
        repeated_add(&n, r, from, (size_t)(end - from));
    return n;
}

static uint64_t gram_chars(const struct word *w, unsigned n)
{
    uint64_t chars = 0;
    for (unsigned i = 0; i < n; i++)
        chars += w[i].chars;
    return chars;
}

/* The characters of the most frequent n-gram in all its places, spaces between its words included; of several
 * that are equally frequent, the first. */
static uint64_t top_gram(struct repeats *r, const struct words *w, unsigned n)
{
    uint32_t most = 0;
    if (w->n < n)
        return 0;
    repeats_begin(r, w->n);
    for (size_t i = 0; i + n <= w->n; i++) {
        uint32_t count = repeats_add(r, words_hash(w->v + i, n)) + 1;
        most = count > most ? count : most;
    }
    for (size_t i = 0; i + n <= w->n; i++)
        if (repeats_count(r, words_hash(w->v + i, n)) == most)
            return most * (gram_chars(w->v + i, n) + n - 1);
    return 0;
}

/* The characters of n-grams that were there before; those that are counted do not overlap. */
static uint64_t repeated_grams(struct repeats *r, const struct words *w, unsigned n)
{
    uint64_t chars = 0;
    repeats_begin(r, w->n);
    for (size_t i = 0; i + n <= w->n;) {
        bool again = repeats_add(r, words_hash(w->v + i, n)) > 0;
        chars += again ? gram_chars(w->v + i, n) : 0;
        i += again ? n : 1;
    }
    return chars;
}

static bool gram_rules(const struct rule_choice *c, struct rules_scratch *s, struct span text, double chars,
                       struct verdict *v)
{
    static const double top[] = {0.2, 0.18, 0.16}, again[] = {0.15, 0.14, 0.13, 0.12, 0.11, 0.10};
    const struct words *w = rules_words(s, text);
    for (unsigned n = 2; n <= 4; n++)
        if (rule_above(c, v, RULE_TOP_2_GRAM + n - 2, (double)top_gram(&s->seen, w, n) / chars, top[n - 2]))
            return true;
    for (unsigned n = 5; n <= 10; n++)
        if (rule_above(c, v, RULE_5_GRAMS + n - 5, (double)repeated_grams(&s->seen, w, n) / chars,
                       again[n - 5]))
            return true;
    return false;
}

struct verdict gopher_repetition(const struct rule_choice *c, struct rules_scratch *s, struct span text)
{
    struct verdict v = {RULE_KEEP, NAN};
    double chars = (double)chars_count(text.s, text.len);
    struct repeated n = count_pieces(&s->seen, span_strip(text), 2);
    if (rule_above(c, &v, RULE_PARAGRAPHS, (double)n.again / (double)n.pieces, 0.3) ||
        rule_above(c, &v, RULE_PARAGRAPH_CHARS, (double)n.chars / chars, 0.2))
        return v;
    n = count_pieces(&s->seen, text, 1);
    if (rule_above(c, &v, RULE_LINES, (double)n.again / (double)n.pieces, 0.3) ||
        rule_above(c, &v, RULE_LINE_CHARS, (double)n.chars / chars, 0.2))
        return v;
    gram_rules(c, s, text, chars, &v);
    return v;
}
