/*
 * template.h - one text made of several fields: "{question}\n{answer}"
 *
 * {NAME} stands for a field; NAME may lead into objects with dots. {#NAME}...{/NAME} stands for its inside
 * once for each element of the list NAME, whose fields the inside names: "{#messages}{role}:
 * {content}\n{/messages}". \n, \t and \\ are a newline, a tab and a backslash; {{ and }} are braces.
 * Everything else stands for itself.
 */
#ifndef FORMATS_TEMPLATE_H
#define FORMATS_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

enum template_kind { TEMPLATE_TEXT, TEMPLATE_FIELD, TEMPLATE_LIST, TEMPLATE_LIST_END };

struct template_part {
    enum template_kind kind;
    const char *s; /* len bytes and a NUL: the text itself, or the field's name */
    size_t len;
    size_t end; /* TEMPLATE_LIST: the index of its TEMPLATE_LIST_END */
};

struct template
{
    struct template_part *parts;
    size_t n;
    bool lists;  /* it has a TEMPLATE_LIST */
    char *bytes; /* owns the bytes that the parts point to */
};

/* On failure returns NULL; *why is the reason and *at the position in text. */
struct template *template_parse(const char *text, const char **why, size_t *at);
/* Returns a template of a single field, whose name may hold any characters. NULL: out of memory. */
struct template *template_of_field(const char *name);
/* Returns a text with the same escapes \n, \t, \\ and without fields, malloced. Fails as template_parse does.
 */
char *template_literal(const char *text, const char **why, size_t *at);
void template_free(struct template *t); /* NULL is fine */

enum { REAL_TEXT = 32 };
/* Writes the shortest decimal that reads as the same double or, where single is set, as the same float.
 * Returns its length. */
int real_text(double v, bool single, char text[REAL_TEXT]);

#endif
