/*
 * text_output.h - text that a program writes to standard output, or to a file that appears when it is whole
 */
#ifndef LIB_TEXT_OUTPUT_H
#define LIB_TEXT_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "pipeline/lib/fs.h"

struct text_output {
    FILE *f;
    struct commit commit;
    const char *name;
};

/* endpoint: "-", a device, or the path of a file. Dies naming it, as the functions below do. */
void text_output_open(struct text_output *out, const char *endpoint);
void text_output_write(struct text_output *out, const void *bytes, size_t n);
/* whole: the text is complete, and a file appears under its name; otherwise the file is removed. */
void text_output_close(struct text_output *out, bool whole);

#endif
