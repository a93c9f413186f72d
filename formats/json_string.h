/*
 * json_string.h - reads JSON text from left to right, and its strings quickly
 *
 * For text whose form is expected, such as documents and vocabularies. Whatever these functions do not take
 * is left to a full parser, and they take nothing that it would refuse.
 */
#ifndef FORMATS_JSON_STRING_H
#define FORMATS_JSON_STRING_H

#include "formats/json_escape.h"

#include <stdbool.h>
#include <stddef.h>

struct json_cursor {
    const char *at, *end;
    bool nul;  /* a string with a NUL character was taken */
    char *out; /* where strings go: room for all of the text, a NUL for each string, and JSON_OVERSHOOT
                  (json_escape.h) */
};

void json_skip_space(struct json_cursor *c);
/* Takes this character, after white space. False: another comes. */
bool json_take(struct json_cursor *c, char want);
/* Takes a string, after white space. *s: its text without escapes and with a NUL behind it, in c->out. */
bool json_take_string(struct json_cursor *c, const char **s, size_t *len);

#endif
