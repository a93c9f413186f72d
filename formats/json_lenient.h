/*
 * json_lenient.h - JSON that parsers refuse for what a reader does not look at
 *
 * Each repair writes over the text in place and keeps its length, so that the positions in a parser's message
 * stay right. Everything else is left for the parser to judge.
 */
#ifndef FORMATS_JSON_LENIENT_H
#define FORMATS_JSON_LENIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum json_repair {
    JSON_REPAIR_HUGE = 1,       /* numbers that no double or 64-bit integer holds become 0.0 */
    JSON_REPAIR_NAN = 2,        /* NaN, Infinity and -Infinity, which Python writes, become 0.0 */
    JSON_REPAIR_SURROGATES = 4, /* escapes that are half of a surrogate pair become \ufffd */
};

/* True: something was changed. repairs: enum json_repair, or-ed. */
bool json_repair(char *text, size_t len, unsigned repairs);

/* json_loadb, and once more with a repaired copy when that fails: huge numbers are always repaired.
 * *repaired, unless NULL: another repair was needed. */
json_t *json_load_lenient(const char *text, size_t len, size_t flags, unsigned repairs, json_error_t *e,
                          bool *repaired);

#endif
