/*
 * json_get.h - members of a JSON object with a value for what is missing or of another type; numbers for it
 */
#ifndef FORMATS_JSON_GET_H
#define FORMATS_JSON_GET_H

#include <jansson.h>
#include <stdint.h>

double json_get_number(const json_t *object, const char *key);    /* NaN */
uint64_t json_get_u64(const json_t *object, const char *key);     /* 0 */
const char *json_get_text(const json_t *object, const char *key); /* ""; borrowed from the object */
/* A number as JSON has it: null where it is not finite. */
json_t *json_finite(double x);

#endif
