/*
 * inspect.h - what a Parquet file holds: its columns, their encodings, codecs and sizes, and its row groups
 */
#ifndef FETCH_INSPECT_H
#define FETCH_INSPECT_H

#include <stdbool.h>

/* Prints a table, or one JSON object. Dies when it is no Parquet file. */
void inspect_file(const char *path, bool json);

#endif
