/*
 * answers.h - the answer within a text that the model wrote, and whether it is the right one
 *
 *   extract      a list of {name, pattern, take}: a regular expression that finds the answer. Its first group
 *                that matched something is the answer, or all of the match where there is no group; take:
 *                "first" (the default) or "last" match. Without a match the answer is "[invalid]".
 *   ignore       regular expressions: what they match is removed from the answer and from the reference
 *   ignore_case  true: capitals and small letters are equal
 *
 * The expressions are those of PCRE2, which agree with Python's in what tasks use.
 */
#ifndef EVAL_ANSWERS_H
#define EVAL_ANSWERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { MAX_EXTRACTS = 4, ANSWERS_WHY = 256 };

struct answers;

/* Returns NULL, with the reason in why, when the object has no such members. It borrows from the object. */
struct answers *answers_parse(const json_t *object, char why[ANSWERS_WHY]);
void answers_free(struct answers *a); /* NULL is fine */
int answers_count(const struct answers *a);
const char *answers_name(const struct answers *a, int i);
/* Whether what the i-th extraction finds in the text equals the reference. NUL and bytes of the text that are
 * not UTF-8 count as U+FFFD. Warns once where an expression takes too many steps: then it finds nothing. */
bool answers_right(struct answers *a, int i, const char *text, size_t len, const char *reference);

#endif
