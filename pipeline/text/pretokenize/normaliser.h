/*
 * normaliser.h - what is done to a text before it is cut: a list of rewritings, as tokenizer.json has them
 *
 *   n = normaliser_new(why, cap, rules, n_rules)
 *   text = normaliser_run(n, text, len, &len)       valid until the next run
 *
 * Texts are valid UTF-8. The rules are borrowed.
 */
#ifndef PRETOKENIZE_NORMALISER_H
#define PRETOKENIZE_NORMALISER_H

#include <stdbool.h>
#include <stddef.h>

#include "pipeline/text/pretokenize/normal_form.h"

enum rule_kind {
    RULE_FORM,           /* one of the normal forms */
    RULE_LOWERCASE,      /* each character by itself */
    RULE_STRIP_ACCENTS,  /* marks are dropped */
    RULE_STRIP,          /* white space at the ends is dropped */
    RULE_REPLACE_STRING, /* `pattern` becomes `content` */
    RULE_REPLACE_REGEX,
    RULE_PREPEND, /* `content` comes first, unless the text is empty */
};

struct rule {
    enum rule_kind kind;
    enum normal_form form;
    bool left, right;        /* RULE_STRIP */
    char *pattern, *content; /* owned by whoever made the rule; NUL-terminated UTF-8 */
};

struct normaliser; /* one thread's */
/* NULL: PCRE2 refuses a pattern, with the reason. */
struct normaliser *normaliser_new(const struct rule *rules, size_t n, char *why, size_t cap);
void normaliser_free(struct normaliser *n); /* NULL is fine */
const char *normaliser_run(struct normaliser *n, const char *text, size_t len, size_t *n_out);

#endif
