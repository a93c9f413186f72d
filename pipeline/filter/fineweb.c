/*
 * fineweb.c - the rules of FineWeb: lists, menus and lines that say the same again
 * Source: Penedo et al. 2024, arXiv:2406.17557, section 3.6, with datatrove's limits
 */
#include "pipeline/filter/rules.h"

#include <math.h>
#include <string.h>

enum { SHORT_LINE = 30 }; /* characters */

static bool ends_sentence(struct span line)
{
    uint32_t c;
    char_before(line.s, line.s + line.len, &c);
    return (char_class(c) & CHAR_STOP) != 0;
}

struct lines {
    double all, ended, brief, newlines;
    struct repeated again;
};

static struct lines count_lines(struct repeats *r, struct span text)
{
    struct lines n = {0};
    const char *s = text.s, *end = text.s + text.len;
    n.newlines = (double)span_count(text, "\n");
    repeats_begin(r, n.newlines + 1 < WORDS_MAX ? (size_t)n.newlines + 1 : WORDS_MAX);
    while (s < end && n.again.pieces < WORDS_MAX) {
        const char *newline = memchr(s, '\n', (size_t)(end - s));
        struct span line = {s, (size_t)((newline ? newline : end) - s)};
        s = newline ? newline + 1 : end;
        if (span_strip(line).len == 0)
            continue;
        n.all++;
        n.ended += ends_sentence(line);
        n.brief += chars_count(line.s, line.len) <= SHORT_LINE;
        repeated_add(&n.again, r, line.s, line.len);
    }
    return n;
}

struct verdict fineweb(const struct rule_choice *c, struct rules_scratch *s, struct span text)
{
    struct verdict v = {RULE_KEEP, NAN};
    struct lines n = count_lines(&s->seen, text);
    if (n.all == 0)
        return (struct verdict){RULE_EMPTY, NAN};
    double chars = (double)chars_count(text.s, text.len) - n.newlines;
    if (rule_below(c, &v, RULE_LINE_ENDS, n.ended / n.all, 0.12) ||
        rule_above(c, &v, RULE_SHORT_LINES, n.brief / n.all, 0.67) ||
        rule_above(c, &v, RULE_DUPLICATE_CHARS, (double)n.again.chars / chars, 0.01))
        return v;
    rule_above(c, &v, RULE_LIST, n.newlines / (double)rules_words(s, text)->n, 0.3);
    return v;
}
