/*
 * c4.c - the rules of C4: takes away lines that are no sentences, and drops documents of which little is left
 * Source: Raffel et al. 2020, arXiv:1910.10683, section 2.2, as datatrove applies them
 */
#include "pipeline/filter/rules.h"

#include <math.h>
#include <string.h>

enum { LONG_WORD = 1000, FEW_WORDS = 3, FEW_SENTENCES = 5 };

/* Counts the words between white space; *too_long: one has more than LONG_WORD characters. */
static size_t count_words(struct span line, bool *too_long)
{
    const char *s = line.s, *end = line.s + line.len;
    size_t n = 0, chars = 0;
    uint32_t c;
    *too_long = false;
    while (s < end) {
        s += char_next(s, end, &c);
        chars = char_class(c) & CHAR_SPACE ? 0 : chars + 1;
        n += chars == 1;
        *too_long |= chars > LONG_WORD;
    }
    return n;
}

/* The length of a reference in brackets, such as [12], at s; 0: there is none. */
static size_t citation_length(struct span t)
{
    size_t i = 1;
    if (span_starts(t, "[edit]"))
        return strlen("[edit]");
    if (span_starts(t, "[citation needed]"))
        return strlen("[citation needed]");
    while (i < t.len && t.s[i] >= '0' && t.s[i] <= '9')
        i++;
    return i < t.len && t.s[i] == ']' ? i + 1 : 0;
}

/* The line without its citations. */
static struct span remove_citations(struct strbuf *bare, struct span line)
{
    const char *s = line.s, *end = line.s + line.len, *open;
    if (!memchr(line.s, '[', line.len))
        return line;
    strbuf_reset(bare);
    while ((open = memchr(s, '[', (size_t)(end - s)))) {
        size_t n = citation_length((struct span){open, (size_t)(end - open)});
        strbuf_add(bare, s, (size_t)(open - s) + (n ? 0 : 1));
        s = open + (n ? n : 1);
    }
    strbuf_add(bare, s, (size_t)(end - s));
    return (struct span){bare->s, bare->len};
}

/* Whether a text of small ASCII letters occurs, in any case. */
static bool mentions(struct span line, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= line.len; i++)
        if ((line.s[i] | 0x20) == *word && strncasecmp(line.s + i, word, n) == 0)
            return true;
    return false;
}

static bool mentions_policy(struct span line)
{
    static const char *const phrases[] = {"terms of use", "privacy policy", "cookie policy",
                                          "uses cookies", "use of cookies", "use cookies"};
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        if (mentions(line, phrases[i]))
            return true;
    return false;
}

static bool ends_sentence(struct span line)
{
    return line.len > 0 && strchr(".?!\"'", line.s[line.len - 1]) && line.s[line.len - 1] &&
           !span_ends(line, "...");
}

/* Which rule takes the line away, or drops the document; RULE_KEEP: none. line loses its citations. */
static enum rule judge_line(const struct rule_choice *c, struct rules_scratch *s, struct span *line)
{
    bool too_long;
    size_t words = count_words(*line, &too_long);
    if (too_long && !c->without[RULE_LINE_LONG_WORD])
        return RULE_LINE_LONG_WORD;
    *line = remove_citations(&s->bare, *line);
    if (!c->without[RULE_LINE_PUNCTUATION] && !ends_sentence(*line))
        return RULE_LINE_PUNCTUATION;
    if (!c->without[RULE_LINE_FEW_WORDS] && words < FEW_WORDS)
        return RULE_LINE_FEW_WORDS;
    if (!c->without[RULE_LOREM_IPSUM] && mentions(*line, "lorem ipsum"))
        return RULE_LOREM_IPSUM;
    if (!c->without[RULE_LINE_JAVASCRIPT] && mentions(*line, "javascript"))
        return RULE_LINE_JAVASCRIPT;
    if (!c->without[RULE_CURLY_BRACKET] && memchr(line->s, '{', line->len))
        return RULE_CURLY_BRACKET;
    if (!c->without[RULE_LINE_POLICY] && mentions_policy(*line))
        return RULE_LINE_POLICY;
    return RULE_KEEP;
}

struct verdict c4(const struct rule_choice *c, struct rules_scratch *s, struct span *text)
{
    struct verdict v = {RULE_KEEP, NAN};
    struct span rest = *text, line;
    size_t sentences = 0;
    bool first = true;
    strbuf_reset(&s->text);
    while (span_line(&rest, &line)) {
        line = span_strip(line);
        enum rule rule = judge_line(c, s, &line);
        if (rule == RULE_LOREM_IPSUM || rule == RULE_CURLY_BRACKET)
            return (struct verdict){rule, NAN};
        if (rule != RULE_KEEP) {
            s->lines[rule - FIRST_LINE_RULE]++;
            continue;
        }
        words_split(&s->line, line.s, line.len);
        sentences += words_sentences(&s->line);
        if (!first)
            strbuf_add(&s->text, "\n", 1);
        strbuf_add(&s->text, line.s, line.len);
        first = false;
    }
    if (rule_below(c, &v, RULE_FEW_SENTENCES, (double)sentences, FEW_SENTENCES))
        return v;
    *text = span_strip((struct span){s->text.s ? s->text.s : "", s->text.len});
    return v;
}
