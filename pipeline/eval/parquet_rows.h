/*
 * parquet_rows.h - the rows of a Parquet file as JSON objects
 *
 * Groups become objects, lists arrays. Numbers and booleans are texts, as the reader of columns gives them.
 * Lists of lists are left out, and so are null values.
 */
#ifndef EVAL_PARQUET_ROWS_H
#define EVAL_PARQUET_ROWS_H

#include <jansson.h>
#include <stdint.h>

struct parquet_rows;

/* Both die naming the file and the reason. */
struct parquet_rows *parquet_rows_open(const char *path);
json_t *parquet_rows_next(struct parquet_rows *p); /* NULL: there are no more */
void parquet_rows_close(struct parquet_rows *p);

#endif
