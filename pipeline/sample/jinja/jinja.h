/*
 * jinja.h - chat templates: the part of Jinja that they are written in, as Transformers runs it
 *
 * Statements: if, for (with a condition, else, break, continue), set (blocks and members of a namespace too),
 * macro, generation. Expressions: all but calls of what is not listed in filters.c, tests.c and methods.c.
 * White space as with trim_blocks and lstrip_blocks. A template comes with a model, and so from anywhere: it
 * reads nothing but its variables, and its steps, depth and output are limited.
 */
#ifndef JINJA_JINJA_H
#define JINJA_JINJA_H

#include <jansson.h>
#include <stddef.h>

struct jinja;

/* Returns NULL, with the line and the reason in why, when the template holds what is not known here. */
struct jinja *jinja_parse(const char *text, size_t len, char *why, size_t cap);
void jinja_free(struct jinja *j); /* NULL is fine */
/* Fills in an object of variables. Returns the text, malloced, or NULL with the reason in why: what the
 * template raises, an expression that cannot be computed, a limit. */
char *jinja_render(const struct jinja *j, json_t *variables, size_t *len, char *why, size_t cap);

#endif
