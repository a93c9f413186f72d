/*
 * rules.h - the rules by which documents are dropped, by name. Sources: rules.md
 */
#ifndef FILTER_RULES_H
#define FILTER_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline/filter/chars.h"
#include "pipeline/filter/repeats.h"
#include "pipeline/filter/words.h"
#include "pipeline/lib/fs.h"

enum rule {
    RULE_KEEP, /* no rule drops the document */
    RULE_SAMPLE,
    RULE_LANGUAGE,
    /* gopher-quality */
    RULE_SHORT_DOC,
    RULE_LONG_DOC,
    RULE_SHORT_WORDS,
    RULE_LONG_WORDS,
    RULE_HASHES,
    RULE_ELLIPSES,
    RULE_BULLETS,
    RULE_END_ELLIPSES,
    RULE_ALPHA,
    RULE_STOP_WORDS,
    /* gopher-repetition */
    RULE_PARAGRAPHS,
    RULE_PARAGRAPH_CHARS,
    RULE_LINES,
    RULE_LINE_CHARS,
    RULE_TOP_2_GRAM, /* 2 to 4 follow each other, so do 5 to 10 */
    RULE_TOP_3_GRAM,
    RULE_TOP_4_GRAM,
    RULE_5_GRAMS,
    RULE_6_GRAMS,
    RULE_7_GRAMS,
    RULE_8_GRAMS,
    RULE_9_GRAMS,
    RULE_10_GRAMS,
    /* c4 */
    RULE_LOREM_IPSUM,
    RULE_CURLY_BRACKET,
    RULE_FEW_SENTENCES,
    /* c4, which drops lines */
    RULE_LINE_LONG_WORD,
    RULE_LINE_PUNCTUATION,
    RULE_LINE_FEW_WORDS,
    RULE_LINE_JAVASCRIPT,
    RULE_LINE_POLICY,
    /* fineweb */
    RULE_LINE_ENDS,
    RULE_SHORT_LINES,
    RULE_DUPLICATE_CHARS,
    RULE_LIST,

    RULE_EMPTY, /* nothing is left of the text */
    RULE_CONTAMINATED,
    RULE_EXACT_DUPLICATE,
    RULE_NEAR_DUPLICATE,
    N_RULES
};
enum { FIRST_LINE_RULE = RULE_LINE_LONG_WORD, N_LINE_RULES = RULE_LINE_POLICY - RULE_LINE_LONG_WORD + 1 };

extern const char *const rule_names[N_RULES]; /* as datatrove calls them, where it has them */

enum rule_set { SET_NONE, SET_GOPHER_QUALITY, SET_GOPHER_REPETITION, SET_C4, SET_FINEWEB, N_SETS };

/* Which sets are applied, in which order, without which rules. */
struct rule_choice {
    enum rule_set sets[N_SETS]; /* n_sets of them */
    unsigned n_sets;
    bool without[N_RULES];
};
/* Parse lists with commas, in place of what c holds. On failure return the word that is unknown, or given
 * twice: the caller frees it. */
char *rules_parse_sets(struct rule_choice *c, const char *list);
char *rules_parse_without(struct rule_choice *c, const char *list);
/* Whether a rule is one of the chosen sets. */
bool rule_is_chosen(const struct rule_choice *c, enum rule rule);

/* The outcome for a document. */
struct verdict {
    enum rule rule;
    double value; /* what the rule measured; NAN: it measures nothing */
};

/* Memory that the rules work in: one for each thread. */
struct rules_scratch {
    struct words words; /* of the text that the rules look at */
    bool is_split;      /* words are those of the present text */
    struct words line;  /* c4: words of one line */
    struct repeats seen;
    struct strbuf text, bare;     /* c4: the lines that are kept, and one of them without citations */
    uint32_t lines[N_LINE_RULES]; /* c4: how many lines each rule has dropped from this document */
};
void rules_scratch_free(struct rules_scratch *s);
const struct words *rules_words(struct rules_scratch *s, struct span text);

/* Applies the chosen sets in turn. c4 takes lines away: *text may become a text in s, valid until the next
 * call. */
struct verdict rules_apply(const struct rule_choice *c, struct rules_scratch *s, struct span *text);

/* Each set by itself. */
struct verdict gopher_quality(const struct rule_choice *c, struct rules_scratch *s, struct span text);
struct verdict gopher_repetition(const struct rule_choice *c, struct rules_scratch *s, struct span text);
struct verdict c4(const struct rule_choice *c, struct rules_scratch *s, struct span *text);
struct verdict fineweb(const struct rule_choice *c, struct rules_scratch *s, struct span text);

/* Fails rule when value is on the wrong side. */
static inline bool rule_above(const struct rule_choice *c, struct verdict *v, enum rule rule, double value,
                              double limit)
{
    if (c->without[rule] || !(value > limit))
        return false;
    *v = (struct verdict){rule, value};
    return true;
}

static inline bool rule_below(const struct rule_choice *c, struct verdict *v, enum rule rule, double value,
                              double limit)
{
    if (c->without[rule] || !(value < limit))
        return false;
    *v = (struct verdict){rule, value};
    return true;
}

#endif
