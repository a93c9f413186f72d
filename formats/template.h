/*
 * template.h - one text of several fields: "{question}\n{answer}"
 *
 * {NAME} stands for a field; NAME may lead into objects with dots. \n, \t and \\ are a newline, a tab and a
 * backslash;
 * {{ and }} are braces. Everything else stands for itself.
 */
#ifndef FORMATS_TEMPLATE_H
#define FORMATS_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

struct template_part {
    const char *s; /* len bytes and a NUL: the text, or the field's name */
    size_t len;
    bool field;
};

struct template
{
    struct template_part *parts;
    size_t n;
    char *bytes; /* what the parts point to */
};

/* On failure returns NULL, and *why says why, *at where in text. */
struct template *template_parse(const char *text, const char **why, size_t *at);
/* A template of a single field, whatever is in its name. NULL: out of memory. */
struct template *template_of_field(const char *name);
/* Text with the same escapes \n, \t, \\ and no fields, malloced. NULL: as template_parse. */
char *template_literal(const char *text, const char **why, size_t *at);
void template_free(struct template *t); /* NULL is fine */

enum { REAL_TEXT = 32 };
/* The shortest decimal that gives the number again, also when read as a float where single is set. Returns
 * its length. */
int real_text(double v, bool single, char text[REAL_TEXT]);

#endif
