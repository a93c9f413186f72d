/*
 * prompt.h - the texts of a question, made of the columns of its row
 *
 * A template holds {COLUMN} and {COLUMN|FILTER|...}; {{ and }} are braces. COLUMN is a name, with dots where
 * it leads into an object or to an element of a list: choices.text.0. The filters:
 *
 *   strip                       white space at both ends goes
 *   capitalize                  the first letter becomes upper case, all others lower case
 *   spaces                      underscores become spaces
 *   last_word, but_last_word    what follows the last space, and what is before it
 *   before:TEXT, after:TEXT     the part before or after the first TEXT, which must be there
 */
#ifndef EVAL_PROMPT_H
#define EVAL_PROMPT_H

#include "pipeline/lib/fs.h"

#include <jansson.h>
#include <stdbool.h>

enum { PROMPT_WHY = 256 };

/* NULL: there is no such column. */
const json_t *prompt_column(const json_t *row, const char *path);
/* Appends the filled template. On failure returns false, with the reason in why. */
bool prompt_fill(struct strbuf *out, const char *template, const json_t *row, char why[PROMPT_WHY]);
/* Whether a template is well formed; row is not needed for that. */
bool prompt_check(const char *template, char why[PROMPT_WHY]);
void prompt_strip(char *s);        /* cuts white space off both ends, in place */
char *prompt_lower(const char *s); /* in lower case, malloced */
/* Cleans a text of WikiHow as HellaSwag's authors and lm-evaluation-harness do: " [title]" becomes ". ",
 * other parts in brackets go, two spaces become one. Malloced. */
char *prompt_clean_wikihow(const char *text);

#endif
