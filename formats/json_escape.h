/*
 * json_escape.h - removes and adds the escapes of JSON strings
 *
 * Where the processor has AVX-512 with VBMI2, 64 bytes are taken at a time and closed up around their
 * escapes, which needs no branch; elsewhere 16 bytes up to the next escape. Each function goes on to the
 * first byte that its caller must look at. It may write JSON_OVERSHOOT bytes more than it says.
 */
#ifndef FORMATS_JSON_ESCAPE_H
#define FORMATS_JSON_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

enum { JSON_OVERSHOOT = 64 };

/* Copies text from *at, which is outside of an escape, to *out, and replaces escapes of one letter by what
 * they mean. Stops at end, at a quote, at a control character, and at the backslash of any other escape.
 * *unchecked is set where bytes above 127 were copied that may not be UTF-8, and is left alone otherwise. */
void json_unescape(const char **at, const char *end, char **out, bool *unchecked);

/* Copies n bytes of text from s to *out, which takes up to 2 n, and escapes those that have an escape of one
 * letter. Stops at bytes above 127 and at those that need a longer escape. Returns how many were copied. */
size_t json_escape(char **out, const char *s, size_t n);

/* The two ways, for tests: _wide is there only if json_is_wide. */
bool json_is_wide(void);
void json_unescape_wide(const char **at, const char *end, char **out);
void json_unescape_narrow(const char **at, const char *end, char **out, bool *unchecked);
size_t json_escape_wide(char **out, const char *s, size_t n);
size_t json_escape_narrow(char **out, const char *s, size_t n);

#endif
