/*
 * load_normaliser.c - reads the normaliser of a tokenizer.json as a list of rules
 */
#include <stdlib.h>
#include <string.h>

#include "pipeline/text/vocabulary/loader.h"

enum { MAX_RULES = 256 };

static struct rule *add_rule(struct loader *l, enum rule_kind kind)
{
    struct text_steps *s = l->steps;
    s->rules = xrealloc(s->rules, (s->n_rules + 1) * sizeof *s->rules);
    s->rules[s->n_rules] = (struct rule){.kind = kind};
    return &s->rules[s->n_rules++];
}

/* Returns a string without NUL, or NULL. */
static const char *text_of(const json_t *v)
{
    const char *s = json_string_value(v);
    return s && strlen(s) == json_string_length(v) ? s : NULL;
}

static int add_replace(struct loader *l, const json_t *v)
{
    const json_t *pattern = json_object_get(v, "pattern");
    const char *string = text_of(json_object_get(pattern, "String")),
               *regex = text_of(json_object_get(pattern, "Regex")),
               *content = text_of(json_object_get(v, "content"));
    if (!string == !regex || !*(string ? string : regex) || !content)
        return loader_bad(
            l, "normalizer: Replace: needs pattern {\"String\": ...} or {\"Regex\": ...}, not empty, "
               "and content");
    struct rule *r = add_rule(l, string ? RULE_REPLACE_STRING : RULE_REPLACE_REGEX);
    r->pattern = xstrdup(string ? string : regex);
    r->content = xstrdup(content);
    return 0;
}

static int add_prepend(struct loader *l, const json_t *v)
{
    const char *content = text_of(json_object_get(v, "prepend"));
    if (!content)
        return loader_bad(l, "normalizer: Prepend.prepend is not a string");
    add_rule(l, RULE_PREPEND)->content = xstrdup(content);
    return 0;
}

static int add_strip(struct loader *l, const json_t *v)
{
    bool left, right;
    if (read_bool(l, v, "normalizer: Strip", "strip_left", true, &left) < 0 ||
        read_bool(l, v, "normalizer: Strip", "strip_right", true, &right) < 0)
        return -1;
    struct rule *r = add_rule(l, RULE_STRIP);
    r->left = left;
    r->right = right;
    return 0;
}

static int add_normaliser(struct loader *l, const json_t *v, int depth)
{
    static const struct {
        const char *type;
        enum rule_kind kind;
        enum normal_form form;
    } plain[] = {{"NFC", RULE_FORM, FORM_NFC},     {"NFD", RULE_FORM, FORM_NFD},
                 {"NFKC", RULE_FORM, FORM_NFKC},   {"NFKD", RULE_FORM, FORM_NFKD},
                 {"Lowercase", RULE_LOWERCASE, 0}, {"StripAccents", RULE_STRIP_ACCENTS, 0}};
    const json_t *list = json_object_get(v, "normalizers"), *one;
    const char *type = json_string_value(json_object_get(v, "type"));
    size_t i;
    if (!type)
        return loader_bad(l, "normalizer: without a type");
    if (l->steps->n_rules >= MAX_RULES || depth > 8)
        return loader_bad(l, "normalizer: more than %d, or nested too deeply", (int)MAX_RULES);
    if (strcmp(type, "Sequence") == 0) {
        if (!json_is_array(list))
            return loader_bad(l, "normalizer: Sequence.normalizers is not an array");
        json_array_foreach(list, i, one) if (add_normaliser(l, one, depth + 1) < 0) return -1;
        return 0;
    }
    for (i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(type, plain[i].type) == 0) {
            add_rule(l, plain[i].kind)->form = plain[i].form;
            return 0;
        }
    if (strcmp(type, "Replace") == 0)
        return add_replace(l, v);
    if (strcmp(type, "Prepend") == 0)
        return add_prepend(l, v);
    if (strcmp(type, "Strip") == 0)
        return add_strip(l, v);
    return loader_bad(
        l,
        "normalizer: %.60s is not supported: only NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, "
        "Strip, Replace, Prepend and Sequence",
        type);
}

int load_normaliser(struct loader *l)
{
    const json_t *v = json_object_get(l->root, "normalizer");
    char why[200];
    if (is_absent(v))
        return 0;
    if (add_normaliser(l, v, 0) < 0)
        return -1;
    l->normaliser = normaliser_new(l->steps->rules, l->steps->n_rules, why, sizeof why);
    return l->normaliser ? 0 : loader_bad(l, "normalizer: Replace.pattern: %s", why);
}
