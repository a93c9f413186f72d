/*
 * csv.h - the records of a CSV or TSV file with a header, as JSON objects (RFC 4180)
 *
 *   c = csv_new(',')
 *   while ((n = csv_record(c, bytes, len, last)) > 0) ... csv_header(c, bytes, n) once, then csv_json(c,
 * bytes, n, &json, &m)
 *
 * A field in quotes may hold separators, line ends and, twice, quotes. Every field is a string.
 */
#ifndef FORMATS_CSV_H
#define FORMATS_CSV_H

#include <stdbool.h>
#include <stddef.h>

struct csv;
struct csv *csv_new(char separator); /* NULL: out of memory */
void csv_free(struct csv *c);        /* NULL is fine */

/* Returns the length of the first record with its line end; 0: it is incomplete. last: no more bytes come, so
 * that their end also ends a record, unless it is within quotes. */
size_t csv_record(const struct csv *c, const char *s, size_t len, bool last);
/* Takes the names of the fields from the header. Returns 0, or -1: csv_error says why. */
int csv_header(struct csv *c, const char *record, size_t len);
/* Gives the record as an object, valid until the next call. Returns 0 or -1. */
int csv_json(struct csv *c, const char *record, size_t len, const char **json, size_t *n);
const char *csv_error(const struct csv *c);

#endif
