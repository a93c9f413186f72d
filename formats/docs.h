/*
 * docs.h - one document: from a JSON object, to a JSON line. Format: formats/docs.md.
 *
 * A document is bytes with an id and a domain. Parsing refuses everything but a single JSON object with text
 * in it; writing always gives valid JSON: bytes that are not UTF-8 become U+FFFD, and are counted.
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

/* The names under which a document's text is found, in order of preference; instruction or question with
 * answer come after all of them. */
enum { DOC_TEXT_FIELDS = 6 };
extern const char *const doc_text_fields[DOC_TEXT_FIELDS];

/* The last line of a stream whose writer failed. It is not a document, and --skip-bad does not skip it. */
#define DOC_STREAM_ERROR "{\"stream_error\":\"fetch\"}\n"

struct doc {
    const char *text; /* len arbitrary bytes */
    size_t len;
    const char *id; /* NULL: none */
    int domain;     /* enum domain (formats/tokens.h) */
};

struct template;
struct doc_parser;
struct doc_parser *doc_parser_new(void);    /* NULL: out of memory */
void doc_parser_free(struct doc_parser *p); /* NULL is fine */

/* Accepts input that is otherwise refused: NaN and infinities outside of strings (nan), and escapes of half a
 * surrogate pair, which become U+FFFD (surrogates). */
void doc_parser_allow(struct doc_parser *p, bool nan, bool surrogates);
/* Documents that were accepted only because of this. */
uint64_t doc_parser_repaired(const struct doc_parser *p);

/* Reads one JSON object. text_field names the text; NULL takes the first that exists of text, content, code,
 * solution, output, response, and after these instruction or question with answer. Unknown domains become
 * DOMAIN_OTHER. On success returns 0, and d is valid until the next call. On failure returns -1; doc_error
 * says why, and at which byte of json. */
int doc_parse(struct doc_parser *p, const char *json, size_t len, const char *text_field, struct doc *d);
/* As doc_parse, but the text is the template filled with the object's fields. join: placed between the
 * elements of an array; NULL: an array is refused. */
int doc_parse_template(struct doc_parser *p, const char *json, size_t len, const struct template *t,
                       const char *join, struct doc *d);
const char *doc_error(const struct doc_parser *p, size_t *byte);
bool doc_is_stream_error(const struct doc_parser *p); /* doc_parse failed because the writer of the stream
                                                         did: the stream ends here, incomplete */

/* Whether this JSON may hold more than DOC_MAX_VALUES values. An upper bound is counted, which short texts
 * never exceed. */
bool doc_too_many_values(const char *json, size_t len);

/* Writes {"text": ..., "id": ..., "domain": ...} and a newline, and adds the number of replaced bytes to
 * *replaced. Returns 0, or -1 when f failed. */
int doc_write(FILE *f, const struct doc *d, uint64_t *replaced);

#endif
