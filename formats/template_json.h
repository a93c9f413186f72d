/*
 * template_json.h - a template filled from a JSON object: for docs.c
 *
 * A field is found under its whole name, or part by part in nested objects. The elements of an array, or the
 * fields that the rest of the name finds in them, are joined. Numbers and booleans become text; null becomes
 * nothing.
 */
#ifndef FORMATS_TEMPLATE_JSON_H
#define FORMATS_TEMPLATE_JSON_H

#include "formats/template.h"

#include <jansson.h>

enum template_result {
    TEMPLATE_OK = 0,
    TEMPLATE_ENOMEM = -1,
    TEMPLATE_EMISSING = -2, /* there is no such field */
    TEMPLATE_ELIST = -3,    /* the field is an array, and join is NULL */
    TEMPLATE_ENOLIST = -5,  /* {#NAME} is not an array */
    TEMPLATE_EOBJECT = -4,  /* the field is an object, which has no text */
};

/* On success *text is malloced: *len bytes and a NUL. On failure *field is the name of the field that failed.
 */
int template_fill_json(const struct template *t, const json_t *object, const char *join, char **text,
                       size_t *len, const char **field);

#endif
