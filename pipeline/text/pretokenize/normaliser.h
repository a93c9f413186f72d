/*
 * normaliser.h - rewrites a text before it is cut into pieces, by a list of rules as in tokenizer.json
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
    RULE_FORM,           /* applies one of the normal forms */
    RULE_LOWERCASE,      /* each character by itself */
    RULE_STRIP_ACCENTS,  /* drops marks */
    RULE_STRIP,          /* drops white space at the ends */
    RULE_REPLACE_STRING, /* replaces `pattern` by `content` */
    RULE_REPLACE_REGEX,
    RULE_PREPEND, /* puts `content` first, unless the text is empty */
};

struct rule {
    enum rule_kind kind;
    enum normal_form form;
    bool left, right;        /* for RULE_STRIP */
    char *pattern, *content; /* owned by the maker of the rule; NUL-terminated UTF-8 */
};

struct normaliser; /* may be used by one thread at a time */
/* Returns NULL with the reason when PCRE2 refuses a pattern. */
struct normaliser *normaliser_new(const struct rule *rules, size_t n, char *why, size_t cap);
void normaliser_free(struct normaliser *n); /* NULL is fine */
const char *normaliser_run(struct normaliser *n, const char *text, size_t len, size_t *n_out);

#endif
