/*
 * json_lenient.h - reads JSON that parsers refuse for values that the reader does not need
 *
 * Each repair writes over the text in place and keeps its length, so that the positions in a parser's message
 * stay right. All other errors are left to the parser.
 */
#ifndef FORMATS_JSON_LENIENT_H
#define FORMATS_JSON_LENIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum json_repair {
    JSON_REPAIR_HUGE = 1,       /* numbers that overflow a double or a 64-bit integer become 0.0 */
    JSON_REPAIR_NAN = 2,        /* NaN, Infinity and -Infinity, which Python writes, become 0.0 */
    JSON_REPAIR_SURROGATES = 4, /* escapes that are half of a surrogate pair become \ufffd */
    JSON_REPAIR_AS_TEXT = 8,    /* for json_load_lenient: such numbers become strings that hold their text */
};

/* Returns true when something was changed. repairs: bits of enum json_repair. */
bool json_repair(char *text, size_t len, unsigned repairs);

/* Calls json_loadb, and when that fails again with a repaired copy: huge numbers are always repaired.
 * *repaired, unless NULL: another repair was needed. */
json_t *json_load_lenient(const char *text, size_t len, size_t flags, unsigned repairs, json_error_t *e,
                          bool *repaired);

#endif
