/*
 * source.h - reads the media files and code documents that the operands name, one after the other
 *
 * An operand is - (standard input: JSON lines), a file of JSON documents (by its name, as input.h has it), a
 * directory (of which the JSON files, and the files that the modality recognises by name, are read), or a
 * media file. An operand that cannot be opened ends the program.
 */
#ifndef MEDIA_SOURCE_H
#define MEDIA_SOURCE_H

#include "pipeline/stream/input.h"
#include "pipeline/media/modality.h"

struct media_source;

struct media_item {
    const char *name; /* the file's path, or FILE:LINE of a document */
    const char *json; /* NULL: a media file */
    size_t len;
};

/* All arguments must be valid until media_source_close. */
struct media_source *media_source_open(const struct modality *m, const struct input_opts *opts,
                                       const char *const *paths, size_t n_paths);
/* Returns false at the end, or when stop_signal comes. The item is valid until the next call. */
bool media_source_next(struct media_source *s, struct media_item *item);
/* Also reports what was left out. */
void media_source_close(struct media_source *s);

/* Reads a whole file, malloc'd. NULL with the reason. */
void *media_read(const char *path, size_t *len, char *err, size_t cap);

#endif
