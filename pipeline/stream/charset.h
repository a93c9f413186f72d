/*
 * charset.h - texts in other charsets than UTF-8, as the heads of web pages name them
 *
 * Names mean what they mean to browsers (WHATWG's Encoding Standard): iso-8859-1 is windows-1252, gb2312 is
 * GB18030. The conversion is iconv's.
 */
#ifndef STREAM_CHARSET_H
#define STREAM_CHARSET_H

#include <stdbool.h>
#include <stddef.h>

enum { CHARSET_NAME = 40 };

/* Finds the charset of a text: its byte order mark counts, else the parameter in the value of a Content-Type.
 * False: neither says one. name: "" stands for one that cannot be a name. */
bool charset_find(char name[CHARSET_NAME], const char *type, size_t type_len, const char *s, size_t n);
bool charset_is_utf8(const char *name);
/* Returns the text in UTF-8, malloced, with U+FFFD for bytes that mean nothing. NULL: the charset is unknown,
 * or the text becomes longer than `most` bytes; *why says which. */
char *charset_to_utf8(const char *name, const char *s, size_t n, size_t most, size_t *len, const char **why);

#endif
