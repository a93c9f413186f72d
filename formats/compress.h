/*
 * compress.h - a FILE that compresses what is written into it with zstd
 *
 *   z = compress_open(f, 3)
 *   fprintf(z, ...)
 *   if (fclose(z) != 0) ...     ends the frame; f stays open, and the caller flushes and closes it
 */
#ifndef FORMATS_COMPRESS_H
#define FORMATS_COMPRESS_H

#include <stdio.h>

/* Writes one frame with a checksum to f. NULL: out of memory. */
FILE *compress_open(FILE *f, int level);

#endif
