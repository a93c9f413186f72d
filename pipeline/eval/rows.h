/*
 * rows.h - the rows of a file of questions as JSON objects: JSON lines, compressed or not, and
 * Parquet
 */
#ifndef EVAL_ROWS_H
#define EVAL_ROWS_H

#include <jansson.h>

struct rows;

/* All die naming the file, the row and the reason. */
struct rows *rows_open(const char *path); /* the path is borrowed */
/* The next row; NULL: there are no more. place receives FILE:LINE, malloced. */
json_t *rows_next(struct rows *r, char **place);
void rows_close(struct rows *r);

#endif
