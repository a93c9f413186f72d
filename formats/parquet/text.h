/*
 * text.h - the text of a value: strings as they are, numbers in decimal
 */
#ifndef PARQUET_TEXT_H
#define PARQUET_TEXT_H

#include "formats/parquet/parquet.h"
#include "formats/template.h"

/* Returns NULL when values of this column have a text, otherwise the reason why not. */
const char *text_refused(const struct parquet_element *e);
/* Returns the value's text: s itself, or written into room. *len is the value's length before, and the text's
 * after. */
const char *text_of_value(const struct parquet_element *e, const uint8_t *s, size_t *len,
                          char room[REAL_TEXT]);

#endif
