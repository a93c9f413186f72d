/*
 * input.h - the documents in files, directories and standard input, one after the other
 *
 *   in = input_open(&opts, paths, n_paths)
 *   while (input_next(in, &d)) ... d.text, d.len
 *   input_close(in)
 *
 * What is read, by name (less .gz .zst .lz4, which are decompressed; "-" is
 * standard input and JSON lines, compressed or not; so are pipes):
 *   .jsonl .ndjson  one JSON object a line
 *   .json           JSON objects one after the other, or an array of them
 *   directory       all below it, sorted by name, without hidden files and symbolic links
 *   anything else   one document a file; .txt is split at lines <|endoftext|>
 * The order depends on names alone. Memory is constant; text files above
 * INPUT_MAX_TEXT give several documents.
 *
 * For programs: bad input ends them with file, place and reason.
 */
#ifndef STREAM_INPUT_H
#define STREAM_INPUT_H

#include "formats/decompress.h"
#include "formats/docs.h"
#include "pipeline/lib/cli.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { INPUT_MAX_TEXT = 64 << 20 };

struct input_opts {
    const char *text_field; /* NULL: found as formats/docs.md says */
    int domain;             /* -1: the document's own; else of all */
    struct str_list globs;  /* which files of directories (stream/walk.h); none: all */
    bool skip_bad;          /* count bad JSON documents, and go on */
    bool raw_json; /* of JSON documents, text is the object as it stands, not parsed; its id is FILE:LINE */
};

struct input_stats {
    uint64_t docs, text_bytes;          /* given out */
    uint64_t empty, bad, binary, links; /* documents and files left out */
    uint64_t read_bytes, total_bytes;   /* of files, as stored; total 0: unknown */
};

struct input;

/* opts and paths must live until input_close. No paths: standard input. */
struct input *input_open(const struct input_opts *opts, const char *const *paths, size_t n_paths);
/* An input of files that come from elsewhere: input_next is false at the end of each, until input_add gives
 * the next. */
struct input *input_open_sources(const struct input_opts *opts);
/* A file by its name, which says what it holds, and the function that gives its bytes (formats/decompress.h).
 */
void input_add(struct input *in, const char *name, decompress_source *source, void *arg);
/* False at the end, or when stop_signal comes while waiting for input (look at it). *d is valid until the
 * next call; its id is never NULL (FILE:LINE when the document has none). */
bool input_next(struct input *in, struct doc *d);
void input_stats(const struct input *in, struct input_stats *stats);
/* Says what was left out, if anything was. */
void input_close(struct input *in);

#endif
