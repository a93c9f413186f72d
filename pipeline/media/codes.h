/*
 * codes.h - reads codes that other programs computed from a JSON document: docs.md, "Codes"
 */
#ifndef MEDIA_CODES_H
#define MEDIA_CODES_H

#include "pipeline/media/modality.h"

/* Reads the array m->codes_field and checks its range. *text: the document's "text", malloc'd, or NULL when
 * it has none. Returns 0 or -1. */
int codes_parse(const struct modality *m, const char *json, size_t len, struct code_list *out, char **text,
                size_t *text_len, char *err, size_t cap);

#endif
