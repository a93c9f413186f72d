/*
 * source.h - the model directory that an exporter reads, tensor by tensor. For programs: dies naming the file
 * and the reason.
 */
#ifndef EXPORTERS_SOURCE_H
#define EXPORTERS_SOURCE_H

#include "pipeline/model/checkpoint.h"

struct source {
    const char *dir; /* borrowed */
    struct model_config c;
    struct params layout;
    struct tensor_files *files;
};

/* Verifies the files that are listed with hashes, and that the tensors are those of config.json. */
void source_open(struct source *s, const char *dir);
void source_close(struct source *s);
/* Reads elements from .. from+n of a parameter. Ends the program after stop_signal. */
void source_read(const struct source *s, const char *name, uint64_t from, size_t n, float *out);
/* The path of a file in the directory, noted as one that is read; NULL: there is none. The caller frees it.
 */
char *source_file(const struct source *s, const char *name);

#endif
