/*
 * docs.h - one document: from a JSON object, to a JSON line. Format: formats/docs.md.
 *
 * A document is bytes with an id and a domain. Parsing refuses what is not
 * one JSON object with text in it; writing always gives valid JSON: bytes
 * that are not UTF-8 become U+FFFD, and are counted.
 */
#ifndef FORMATS_DOCS_H
#define FORMATS_DOCS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    DOC_MAX_JSON = 128 << 20, /* bytes of one JSON object: parsing needs about three times as much memory */
    DOC_MAX_VALUES = 1 << 20, /* values in one JSON object: jansson spends some 100 bytes on each */
    DOC_MAX_DEPTH = 2048,     /* jansson's own limit */
};

/* Names of a document's text, the first that is there: before instruction or question with answer. */
enum { DOC_TEXT_FIELDS = 6 };
extern const char *const doc_text_fields[DOC_TEXT_FIELDS];

/* The last line of a stream whose writer failed. No document; --skip-bad does not skip it. */
#define DOC_STREAM_ERROR "{\"stream_error\":\"fetch\"}\n"

struct doc {
    const char *text; /* len bytes, any */
    size_t len;
    const char *id; /* NULL: none */
    int domain;     /* enum domain (formats/tokens.h) */
};

struct template;
struct doc_parser;
struct doc_parser *doc_parser_new(void);    /* NULL: out of memory */
void doc_parser_free(struct doc_parser *p); /* NULL is fine */

/* What is refused otherwise: NaN and infinities outside of strings, escapes of half a surrogate pair (they
 * become U+FFFD). */
void doc_parser_allow(struct doc_parser *p, bool nan, bool surrogates);
uint64_t doc_parser_repaired(const struct doc_parser *p); /* documents that this has let through */

/* Reads one JSON object. text_field: NULL takes the first that is there of text, content, code, solution,
 * output, response, else instruction or question with answer. Unknown domains become DOMAIN_OTHER. On success
 * returns 0, and d is valid until the next call. On failure returns -1; doc_error says why, and at which byte
 * of json. */
int doc_parse(struct doc_parser *p, const char *json, size_t len, const char *text_field, struct doc *d);
/* The text is what the template makes of the object's fields. join: between the elements of an array; NULL:
 * an array is refused. Otherwise as doc_parse. */
int doc_parse_template(struct doc_parser *p, const char *json, size_t len, const struct template *t,
                       const char *join, struct doc *d);
const char *doc_error(const struct doc_parser *p, size_t *byte);
bool doc_is_stream_error(const struct doc_parser *p); /* why it failed: the stream ends here, unfinished */

/* Whether this JSON may hold more than DOC_MAX_VALUES values (an upper bound is counted; short texts never
 * do). */
bool doc_too_many_values(const char *json, size_t len);

/* Writes {"text": ..., "id": ..., "domain": ...} and a newline, and adds the number of replaced bytes to
 * *replaced. Returns 0, or -1 when f failed. */
int doc_write(FILE *f, const struct doc *d, uint64_t *replaced);

#endif
