/*
 * codebook.h - the codes of an image or audio codec in a safetensors file: pipeline/media/codebook.md
 */
#ifndef MEDIA_CODEBOOK_H
#define MEDIA_CODEBOOK_H

#include <stdio.h>

#include "pipeline/media/rvq.h"

enum { CODEBOOK_MAX_PARAMETERS = 8, CODEBOOK_MAX_PARTS = 2 };

struct codebook {
    const char *kind;                          /* "image", "audio": tensors are KIND.parameters, KIND.PART */
    float parameters[CODEBOOK_MAX_PARAMETERS]; /* whole numbers */
    size_t n_parameters;
    struct {
        const char *name;
        struct rvq *q;
    } parts[CODEBOOK_MAX_PARTS];
    size_t n_parts;
};

/* Returns 0, or -1: writing to f failed. */
int codebook_write(const struct codebook *b, FILE *f);
/* The caller gives kind, numbers and names; this fills in parameters and parts, ready for use. Returns 0, or
 * -1 with file and reason. */
int codebook_read(struct codebook *b, const char *path, char *err, size_t cap);

#endif
