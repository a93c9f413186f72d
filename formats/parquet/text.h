/*
 * text.h - the text of a value: strings as they are, numbers in decimal
 */
#ifndef PARQUET_TEXT_H
#define PARQUET_TEXT_H

#include "formats/parquet/parquet.h"
#include "formats/template.h"

/* NULL: values of this column have a text; else why not. */
const char *text_refused(const struct parquet_element *e);
/* *len: of the value, then of the text, which is s itself or written to room. */
const char *text_of_value(const struct parquet_element *e, const uint8_t *s, size_t *len,
                          char room[REAL_TEXT]);

#endif
