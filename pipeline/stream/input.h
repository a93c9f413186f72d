/*
 * input.h - the documents in files, directories and standard input, one after the other
 *
 *   in = input_open(&opts, paths, n_paths)
 *   while (input_next(in, &d)) ... d.text, d.len
 *   input_close(in)
 *
 * The name decides how a file is read, after the endings .gz .zst .lz4 .bz2 .xz, which are decompressed. "-"
 * is standard input; it and pipes hold JSON lines, compressed or not.
 *   .jsonl .ndjson  one JSON object a line
 *   .json           JSON objects one after the other, or an array of them
 *   .csv .tsv       with --csv a row each, whose fields the header names
 *   .parquet        a row each (formats/parquet.md)
 *   .warc .wet      web pages and their texts
 *   .tar .zip       the files in it, each by its own name (stream/members.h)
 *   directory       all files below it, sorted by name, without hidden files and symbolic links
 *   anything else   one document a file; .txt is split at lines <|endoftext|>
 * The order depends on names alone. Memory is constant; text files above
 * INPUT_MAX_TEXT give several documents.
 *
 * Bad input ends the program with file, place and reason.
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
    const char *text_field; /* field or column, with dots where it is nested; NULL: found as formats/docs.md
                               describes */
    const char *template;   /* template of fields or columns (formats/template.h); NULL: text_field is used */
    const char *join;       /* between elements of lists, with \n \t \\ as escapes; NULL: lists are refused */
    int domain;             /* -1: each document's own; otherwise given to all documents */
    struct str_list globs;  /* which files of directories to read (stream/walk.h); none: all */
    bool skip_bad;          /* count bad JSON documents and continue */
    bool accept_nan, replace_surrogates; /* see doc_parser_allow */
    uint64_t window;                     /* largest window of compressed streams; 0: 128 MiB */
    bool plain_text;                     /* HTML and Markdown become plain text */
    bool csv;                            /* each row of a .csv or .tsv file is a document */
    const char *files_from;              /* a file with more operands: input_operands */
    const char *part;                    /* "K/N": of the documents in order, the Kth of every N; NULL: all */
    bool raw_json; /* the text of a JSON document is the object itself, unparsed; its id is FILE:LINE */
};

// clang-format off
/* Rows of the option table, for every program that reads documents. */
#define INPUT_OPTIONS(o)                                                                                     \
    {0, "accept-nan", OPT_FLAG, &(o).accept_nan, NULL,                                                       \
     "take JSON with NaN and Infinity, as Python writes it"},                                                \
    {0, "replace-surrogates", OPT_FLAG, &(o).replace_surrogates, NULL,                                       \
     "half a surrogate pair (\\ud83d alone) becomes U+FFFD; default: an error"},                             \
    {0, "zstd-window", OPT_BYTES, &(o).window, "SIZE",                                                       \
     "the largest window of .zst and dictionary of .xz, up to 2GiB: so much\n"                               \
     "memory a file takes that asks for it (default 128MiB)"},                                               \
    {0, "csv", OPT_FLAG, &(o).csv, NULL,                                                                     \
     ".csv and .tsv files have a header, and each row is a document; default: text"},                        \
    {0, "part", OPT_STR, &(o).part, "K/N",                                                                   \
     "take the Kth of every N documents: N jobs share a corpus, 1/N to N/N"},                                \
    {0, "plain-text", OPT_FLAG, &(o).plain_text, NULL,                                                       \
     ".html, .htm and .md files, and pages in .warc files, become plain text"},                              \
    {0, "files-from", OPT_STR, &(o).files_from, "FILE",                                                      \
     "read what more names FILE has, one a line; - is standard input"}

/* Rows of the option table, for programs that read files of documents. */
#define INPUT_FILE_OPTS(o)                                                                                   \
    {'g', "glob", OPT_LIST, &(o).globs, "GLOB",                                                              \
     "in directories, read only files whose name matches; may be given again"},                              \
    {0, "skip-bad", OPT_FLAG, &(o).skip_bad, NULL,                                                           \
     "count bad JSON documents and go on; default: stop with an error"}

/* Rows of the option table, for programs that use a single text of each document. */
#define INPUT_TEXT_OPTS(o)                                                                                   \
    {'f', "text-field", OPT_STR, &(o).text_field, "FIELD",                                                   \
     "the text: a field of JSON documents, a column of Parquet files, with dots\n"                           \
     "where it is nested (messages.content); default: the first there is of\n"                               \
     "text, content, code, solution, output, response, else instruction or\n"                                \
     "question with answer"},                                                                                \
    {0, "column", OPT_STR, &(o).text_field, "NAME", "another word for --text-field"},                        \
    {0, "text", OPT_STR, &(o).template, "TEMPLATE",                                                          \
     "make the text of several: '{question}\\n{answer}'"},                                                   \
    {0, "join", OPT_STR, &(o).join, "SEP",                                                                   \
     "put SEP ('\\n') between the elements of lists; default: lists are refused"}
// clang-format on

struct input_stats {
    uint64_t docs, text_bytes;          /* returned by input_next */
    uint64_t empty, bad, binary, links; /* documents and files that were left out */
    uint64_t encoded;                   /* WARC records whose HTTP encoding is not undone */
    uint64_t repaired;                  /* accepted because of accept_nan or replace_surrogates */
    uint64_t read_bytes, total_bytes;   /* bytes of files, as stored; total 0: unknown */
};

struct input;

struct input_part { /* every of-th document, from number `first` (from 0) on */
    uint64_t first, of;
};
struct input_part input_part(const struct input_opts *opts); /* a usage error when opts->part is no K/N */

/* The operands, and behind them those that opts->files_from names. */
char **input_operands(const struct input_opts *opts, char **operands, int *n);

/* opts and paths must be valid until input_close. No paths: standard input. */
struct input *input_open(const struct input_opts *opts, const char *const *paths, size_t n_paths);
/* A file whose bytes functions provide. Its name says what it holds; Parquet is read by read_at, all other
 * formats by read. */
struct input_source {
    const char *name;
    decompress_source *read;                                             /* see formats/decompress.h */
    int64_t (*read_at)(void *arg, uint64_t offset, void *buf, size_t n); /* see formats/parquet/parquet.h */
    void (*will_need)(void *arg, uint64_t offset, uint64_t n);           /* may be NULL */
    void *arg;
    uint64_t size; /* used with read_at */
};
bool input_is_parquet(const char *name);
/* Opens an input of such files: input_next returns false at the end of each, until input_add gives the next.
 */
struct input *input_open_sources(const struct input_opts *opts);
void input_add(struct input *in, const struct input_source *source);
/* Returns false at the end, or when stop_signal comes while waiting for input (the caller checks it). *d is
 * valid until the next call; its id is never NULL (FILE:LINE when the document has none). */
bool input_next(struct input *in, struct doc *d);
void input_stats(const struct input *in, struct input_stats *stats);
/* The number of the document that input_next gave last, from 0, among those of all parts. */
uint64_t input_number(const struct input *in);
/* Also reports what was left out, if anything was. */
void input_close(struct input *in);

#endif
