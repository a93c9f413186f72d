/*
 * json_text.h - writes text of unknown origin as JSON; every program that does so uses this
 *
 * JSON holds UTF-8 alone. Names of files and texts may be any bytes: those that
 * are not UTF-8 become U+FFFD, so what is written can always be read.
 */
#ifndef FORMATS_JSON_TEXT_H
#define FORMATS_JSON_TEXT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Writes a string with its quotes, and adds the number of replaced bytes to *replaced. */
void json_text_write(FILE *f, const char *s, size_t n, uint64_t *replaced);
json_t *json_text(const char *s, size_t n); /* NULL: out of memory */

/* Returns the length of the UTF-8 character at s, 1..4; 0: there is no valid one (n >= 1 bytes are
 * available). */
size_t utf8_char(const char *s, size_t n);
uint32_t utf8_value(const char *s, size_t width); /* the code point of a character of that width */

#endif
