#include "pipeline/filter/rules.h"

#include "pipeline/lib/fs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const rule_names[N_RULES] = {
    [RULE_KEEP] = "kept",
    [RULE_SAMPLE] = "not_sampled",
    [RULE_LANGUAGE] = "language",
    [RULE_SHORT_DOC] = "gopher_short_doc",
    [RULE_LONG_DOC] = "gopher_long_doc",
    [RULE_SHORT_WORDS] = "gopher_below_avg_threshold",
    [RULE_LONG_WORDS] = "gopher_above_avg_threshold",
    [RULE_HASHES] = "gopher_too_many_hashes",
    [RULE_ELLIPSES] = "gopher_too_many_ellipsis",
    [RULE_BULLETS] = "gopher_too_many_bullets",
    [RULE_END_ELLIPSES] = "gopher_too_many_end_ellipsis",
    [RULE_ALPHA] = "gopher_below_alpha_threshold",
    [RULE_STOP_WORDS] = "gopher_enough_stop_words",
    [RULE_PARAGRAPHS] = "dup_para_frac",
    [RULE_PARAGRAPH_CHARS] = "dup_para_char_frac",
    [RULE_LINES] = "dup_line_frac",
    [RULE_LINE_CHARS] = "dup_line_char_frac",
    [RULE_TOP_2_GRAM] = "top_2_gram",
    [RULE_TOP_3_GRAM] = "top_3_gram",
    [RULE_TOP_4_GRAM] = "top_4_gram",
    [RULE_5_GRAMS] = "duplicated_5_n_grams",
    [RULE_6_GRAMS] = "duplicated_6_n_grams",
    [RULE_7_GRAMS] = "duplicated_7_n_grams",
    [RULE_8_GRAMS] = "duplicated_8_n_grams",
    [RULE_9_GRAMS] = "duplicated_9_n_grams",
    [RULE_10_GRAMS] = "duplicated_10_n_grams",
    [RULE_LOREM_IPSUM] = "lorem_ipsum",
    [RULE_CURLY_BRACKET] = "curly_bracket",
    [RULE_FEW_SENTENCES] = "too_few_sentences",
    [RULE_LINE_LONG_WORD] = "line-filter-too_long_word",
    [RULE_LINE_PUNCTUATION] = "line-filter-no_terminal_punc",
    [RULE_LINE_FEW_WORDS] = "line-filter-too_few_words",
    [RULE_LINE_JAVASCRIPT] = "line-filter-javascript",
    [RULE_LINE_POLICY] = "line-filter-policy",
    [RULE_LINE_ENDS] = "line_punct_ratio",
    [RULE_SHORT_LINES] = "short_line_ratio",
    [RULE_DUPLICATE_CHARS] = "char_dup_ratio",
    [RULE_LIST] = "list_ratio",
    [RULE_EMPTY] = "empty",
    [RULE_CONTAMINATED] = "contaminated",
    [RULE_EXACT_DUPLICATE] = "exact_duplicate",
    [RULE_NEAR_DUPLICATE] = "near_duplicate",
};

static const char *const set_names[N_SETS] = {[SET_GOPHER_QUALITY] = "gopher-quality",
                                              [SET_GOPHER_REPETITION] = "gopher-repetition",
                                              [SET_C4] = "c4",
                                              [SET_FINEWEB] = "fineweb"};

static const struct {
    enum rule first, last;
} set_rules[N_SETS] = {[SET_GOPHER_QUALITY] = {RULE_SHORT_DOC, RULE_STOP_WORDS},
                       [SET_GOPHER_REPETITION] = {RULE_PARAGRAPHS, RULE_10_GRAMS},
                       [SET_C4] = {RULE_LOREM_IPSUM, RULE_LINE_POLICY},
                       [SET_FINEWEB] = {RULE_LINE_ENDS, RULE_LIST}};

static char *next_word(const char **list)
{
    const char *comma = strchrnul(*list, ',');
    char *word = xasprintf("%.*s", (int)(comma - *list), *list);
    *list = *comma ? comma + 1 : comma;
    return word;
}

static bool has_set(const struct rule_choice *c, enum rule_set set)
{
    for (unsigned i = 0; i < c->n_sets; i++)
        if (c->sets[i] == set)
            return true;
    return false;
}

char *rules_parse_sets(struct rule_choice *c, const char *list)
{
    do {
        char *word = next_word(&list);
        enum rule_set set = SET_NONE + 1;
        while (set < N_SETS && strcmp(set_names[set], word) != 0)
            set++;
        if (set == N_SETS || has_set(c, set))
            return word;
        c->sets[c->n_sets++] = set;
        free(word);
    } while (*list);
    return NULL;
}

char *rules_parse_without(struct rule_choice *c, const char *list)
{
    do {
        char *word = next_word(&list);
        enum rule rule = RULE_SHORT_DOC;
        while (rule <= RULE_LIST && strcmp(rule_names[rule], word) != 0)
            rule++;
        if (rule > RULE_LIST || c->without[rule])
            return word;
        c->without[rule] = true;
        free(word);
    } while (*list);
    return NULL;
}

bool rule_is_chosen(const struct rule_choice *c, enum rule rule)
{
    for (unsigned i = 0; i < c->n_sets; i++)
        if (rule >= set_rules[c->sets[i]].first && rule <= set_rules[c->sets[i]].last)
            return !c->without[rule];
    return false;
}

const struct words *rules_words(struct rules_scratch *s, struct span text)
{
    if (!s->is_split)
        words_split(&s->words, text.s, text.len);
    s->is_split = true;
    return &s->words;
}

struct verdict rules_apply(const struct rule_choice *c, struct rules_scratch *s, struct span *text)
{
    struct verdict v = {RULE_KEEP, NAN};
    s->is_split = false;
    memset(s->lines, 0, sizeof s->lines);
    for (unsigned i = 0; i < c->n_sets && v.rule == RULE_KEEP; i++) {
        switch (c->sets[i]) {
        case SET_GOPHER_QUALITY:
            v = gopher_quality(c, s, *text);
            break;
        case SET_GOPHER_REPETITION:
            v = gopher_repetition(c, s, *text);
            break;
        case SET_C4:
            v = c4(c, s, text);
            s->is_split = false;
            break;
        default:
            v = fineweb(c, s, *text);
        }
        if (v.rule == RULE_KEEP && span_strip(*text).len == 0)
            v.rule = RULE_EMPTY;
    }
    return v;
}

void rules_scratch_free(struct rules_scratch *s)
{
    words_free(&s->words);
    words_free(&s->line);
    repeats_free(&s->seen);
    strbuf_free(&s->text);
    strbuf_free(&s->bare);
}
