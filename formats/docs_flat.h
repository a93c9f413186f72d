/*
 * docs_flat.h - the fields of a flat JSON object, quickly: for docs.c
 *
 * Reads {"key": value, ...} where keys have no escapes and values are strings, whole numbers or null. Any
 * other object, and any that is malformed, is left to the full parser: this one accepts only objects that the
 * full parser accepts too, with equal values.
 */
#ifndef FORMATS_DOCS_FLAT_H
#define FORMATS_DOCS_FLAT_H

#include <stddef.h>

enum flat_kind { FLAT_STRING, FLAT_INTEGER, FLAT_NULL };

struct flat_field {
    const char *key; /* in the JSON text, key_len bytes */
    size_t key_len;
    enum flat_kind kind;
    const char *s; /* FLAT_STRING: unescaped; FLAT_INTEGER: the digits. NUL-terminated, in flat.bytes */
    size_t len;
};

enum { FLAT_MAX_FIELDS = 16 };

struct flat_object {
    struct flat_field fields[FLAT_MAX_FIELDS];
    size_t n;
    char *bytes; /* owned: the caller frees it after the last use */
    size_t cap;
};

/* Returns 1 when done: fields are valid until the next call or change of json. 0: the full parser must read
 * this object (or no memory). */
int flat_parse(struct flat_object *f, const char *json, size_t len);
/* Returns NULL when there is no such field. */
const struct flat_field *flat_find(const struct flat_object *f, const char *key);

#endif
