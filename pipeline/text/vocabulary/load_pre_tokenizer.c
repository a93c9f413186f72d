/*
 * load_pre_tokenizer.c - reads the pre-tokenizer of a tokenizer.json as a list of steps
 */
#include <stdlib.h>
#include <string.h>

#include "pipeline/text/vocabulary/loader.h"

enum { MAX_STEPS = 256 };

static struct step *add_step(struct loader *l, struct step step)
{
    struct text_steps *s = l->steps;
    s->steps = xrealloc(s->steps, (s->n_steps + 1) * sizeof *s->steps);
    s->steps[s->n_steps] = step;
    return &s->steps[s->n_steps++];
}

static int read_behaviour(struct loader *l, const json_t *v, const char *type, const char *unset,
                          enum split_behaviour *behaviour)
{
    static const char *const names[] = {[BEHAVIOUR_REMOVED] = "Removed",
                                        [BEHAVIOUR_ISOLATED] = "Isolated",
                                        [BEHAVIOUR_MERGED_WITH_PREVIOUS] = "MergedWithPrevious",
                                        [BEHAVIOUR_MERGED_WITH_NEXT] = "MergedWithNext",
                                        [BEHAVIOUR_CONTIGUOUS] = "Contiguous"};
    const json_t *given = json_object_get(v, "behavior");
    const char *name = is_absent(given) ? unset : json_string_value(given);
    for (size_t i = 0; name && i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) {
            *behaviour = (enum split_behaviour)i;
            return 0;
        }
    return loader_bad(
        l,
        "pre_tokenizer: %s.behavior is not Removed, Isolated, MergedWithPrevious, MergedWithNext or "
        "Contiguous",
        type);
}

static int add_split(struct loader *l, const json_t *v)
{
    const json_t *pattern = json_object_get(v, "pattern");
    const char *string = json_string_value(json_object_get(pattern, "String")),
               *regex = json_string_value(json_object_get(pattern, "Regex")), *text = string ? string : regex;
    struct step s = {.kind = STEP_SPLIT, .match = string ? MATCH_STRING : MATCH_PATTERN};
    if (!string == !regex || !*text)
        return loader_bad(
            l, "pre_tokenizer: Split.pattern: it must be {\"Regex\": ...} or {\"String\": ...}, and not "
               "empty");
    if (read_behaviour(l, v, "Split", NULL, &s.behaviour) < 0 ||
        read_bool(l, v, "pre_tokenizer: Split", "invert", false, &s.invert) < 0)
        return -1;
    s.pattern = regex ? pattern_named(regex) : PATTERN_REGEX;
    if (s.pattern == PATTERN_REGEX)
        s.text = xstrdup(text);
    add_step(l, s);
    return 0;
}

static int add_byte_level(struct loader *l, const json_t *v)
{
    bool prefix, regex;
    if (l->spelled)
        return loader_bad(l, "pre_tokenizer: ByteLevel twice is not supported");
    if (read_bool(l, v, "pre_tokenizer: ByteLevel", "add_prefix_space", true, &prefix) < 0 ||
        read_bool(l, v, "pre_tokenizer: ByteLevel", "use_regex", true, &regex) < 0)
        return -1;
    if (prefix)
        add_step(l, (struct step){.kind = STEP_PREFIX, .prepend = PREPEND_ALWAYS});
    if (regex)
        add_step(l,
                 (struct step){.kind = STEP_SPLIT, .behaviour = BEHAVIOUR_ISOLATED, .pattern = PATTERN_GPT2});
    l->byte_level = true;
    return 0;
}

static int add_metaspace(struct loader *l, const json_t *v)
{
    static const char *const schemes[] = {
        [PREPEND_NEVER] = "never", [PREPEND_ALWAYS] = "always", [PREPEND_FIRST] = "first"};
    const json_t *given = json_object_get(v, "prepend_scheme"),
                 *prefix = json_object_get(v, "add_prefix_space");
    const char *replacement = json_string_value(json_object_get(v, "replacement")),
               *name = is_absent(given) ? "always" : json_string_value(given);
    bool split, add_prefix;
    size_t scheme = 0;
    while (scheme < 3 && !(name && strcmp(name, schemes[scheme]) == 0))
        scheme++;
    if (scheme == 3)
        return loader_bad(l, "pre_tokenizer: Metaspace.prepend_scheme is not always, first or never");
    if (!replacement || !*replacement)
        return loader_bad(l, "pre_tokenizer: Metaspace.replacement is not a character");
    if (read_bool(l, v, "pre_tokenizer: Metaspace", "split", true, &split) < 0 ||
        read_bool(l, v, "pre_tokenizer: Metaspace", "add_prefix_space", true, &add_prefix) < 0)
        return -1;
    if (json_is_false(prefix) && scheme != PREPEND_NEVER)
        return loader_bad(l, "pre_tokenizer: Metaspace.add_prefix_space contradicts prepend_scheme");
    add_step(l, (struct step){
                    .kind = STEP_REPLACE, .prepend = (enum prepend)scheme, .text = xstrdup(replacement)});
    if (split)
        add_step(l, (struct step){.kind = STEP_SPLIT,
                                  .match = MATCH_STRING,
                                  .behaviour = BEHAVIOUR_MERGED_WITH_NEXT,
                                  .text = xstrdup(replacement)});
    return 0;
}

/* Reads Digits, Punctuation and the pre-tokenizers of white space, which split by class of character. */
static int add_classes(struct loader *l, const json_t *v, const char *type)
{
    struct step s = {.kind = STEP_SPLIT, .match = MATCH_PUNCTUATION, .behaviour = BEHAVIOUR_ISOLATED};
    bool one_by_one;
    if (strcmp(type, "Digits") == 0) {
        if (read_bool(l, v, "pre_tokenizer: Digits", "individual_digits", false, &one_by_one) < 0)
            return -1;
        s.match = MATCH_NUMBER;
        s.behaviour = one_by_one ? BEHAVIOUR_ISOLATED : BEHAVIOUR_CONTIGUOUS;
    } else if (strcmp(type, "Punctuation") == 0) {
        if (read_behaviour(l, v, "Punctuation", "Isolated", &s.behaviour) < 0)
            return -1;
    } else {
        s.match = strcmp(type, "Whitespace") == 0 ? MATCH_WORD : MATCH_WHITE;
        s.behaviour = BEHAVIOUR_REMOVED;
        s.invert = s.match == MATCH_WORD;
    }
    add_step(l, s);
    if (strcmp(type, "BertPreTokenizer") == 0)
        add_step(l, (struct step){
                        .kind = STEP_SPLIT, .match = MATCH_PUNCTUATION, .behaviour = BEHAVIOUR_ISOLATED});
    return 0;
}

static int add_pre_tokenizer(struct loader *l, const json_t *v, int depth)
{
    static const char *const classes[] = {"Digits", "Punctuation", "Whitespace", "WhitespaceSplit",
                                          "BertPreTokenizer"};
    const json_t *list = json_object_get(v, "pretokenizers"), *one;
    const char *type = json_string_value(json_object_get(v, "type"));
    size_t i;
    if (!type)
        return loader_bad(l, "pre_tokenizer: without a type");
    if (l->steps->n_steps >= MAX_STEPS || depth > 8)
        return loader_bad(l, "pre_tokenizer: more than %d, or nested too deeply", (int)MAX_STEPS);
    if (l->byte_level && !l->spelled) { /* steps after ByteLevel see the characters of its alphabet */
        add_step(l, (struct step){.kind = STEP_SPELL});
        l->spelled = true;
    }
    if (strcmp(type, "Sequence") == 0) {
        if (!json_is_array(list))
            return loader_bad(l, "pre_tokenizer: Sequence.pretokenizers is not an array");
        json_array_foreach(list, i, one) if (add_pre_tokenizer(l, one, depth + 1) < 0) return -1;
        return 0;
    }
    for (i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strcmp(type, classes[i]) == 0)
            return add_classes(l, v, type);
    if (strcmp(type, "Split") == 0)
        return add_split(l, v);
    if (strcmp(type, "ByteLevel") == 0)
        return add_byte_level(l, v);
    if (strcmp(type, "Metaspace") == 0)
        return add_metaspace(l, v);
    return loader_bad(l,
                      "pre_tokenizer: %.60s is not supported: only ByteLevel, Split, Digits, Punctuation, "
                      "Metaspace, Whitespace, WhitespaceSplit, BertPreTokenizer and Sequence",
                      type);
}

static size_t utf8_points(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

/* Checks PREPEND_FIRST: the library asks what was at the start of the text before the normaliser. So rules
 * that may drop characters there are not supported with it, nor those that may make several of the first one
 * when a step before can part them: all of these are then at the start. */
static int check_first(struct loader *l)
{
    bool first = false, behind = false, drops = false, adds = false, added = false;
    for (size_t i = 0; i < l->steps->n_steps; i++) {
        const struct step *st = &l->steps->steps[i];
        first |= st->prepend == PREPEND_FIRST;
        behind |= i > 0 && st->prepend == PREPEND_FIRST;
        adds |= added && st->prepend == PREPEND_FIRST;
        added |= st->prepend != PREPEND_NEVER;
    }
    for (size_t i = 0; i < l->steps->n_rules; i++) {
        const struct rule *r = &l->steps->rules[i];
        adds |= r->kind != RULE_REPLACE_STRING || utf8_points(r->content) > 1;
        drops |= (r->kind == RULE_STRIP && r->left) || r->kind == RULE_STRIP_ACCENTS ||
                 r->kind == RULE_REPLACE_REGEX ||
                 (r->kind == RULE_REPLACE_STRING && (utf8_points(r->pattern) > 1 || !*r->content));
    }
    if (first && drops)
        return loader_bad(l, "pre_tokenizer: Metaspace.prepend_scheme first is not supported behind a "
                             "normalizer that drops characters");
    if (behind && adds)
        return loader_bad(l,
                          "pre_tokenizer: Metaspace.prepend_scheme first is not supported behind other steps "
                          "where characters may be added at the start");
    return 0;
}

int load_pre_tokenizer(struct loader *l)
{
    const json_t *v = json_object_get(l->root, "pre_tokenizer");
    char why[200];
    if (!is_absent(v) && add_pre_tokenizer(l, v, 0) < 0)
        return -1;
    struct splitter *s = splitter_new(l->steps->steps, l->steps->n_steps, why, sizeof why);
    if (!s)
        return loader_bad(l, "pre_tokenizer: Split.pattern: %s", why);
    splitter_free(s);
    return check_first(l);
}
