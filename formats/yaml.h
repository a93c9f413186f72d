/*
 * yaml.h - a YAML document as JSON (libyaml): every scalar is a string, keys of mappings are scalars
 */
#ifndef FORMATS_YAML_H
#define FORMATS_YAML_H

#include <jansson.h>
#include <stddef.h>

/* Reads the first document of the text. Returns NULL, with the line and the reason in why, when that is not
 * such a document, or a very large or deep one. */
json_t *yaml_json(const char *text, size_t len, char *why, size_t cap);

#endif
