/*
 * input_inside.h - what the files of stream/input*.c share
 *
 * input.c        the documents of all operands, one after the other, and what was left out
 * input_files.c  which file is read next, by what name, and its bytes
 * input_json.c   JSON lines and JSON values
 * input_table.c  the rows of CSV and TSV files
 * input_warc.c   the records of WARC files
 * input_text.c   plain text
 */
#ifndef STREAM_INPUT_INSIDE_H
#define STREAM_INPUT_INSIDE_H

#include "formats/csv.h"
#include "formats/decompress.h"
#include "formats/template.h"
#include "pipeline/stream/input.h"
#include "pipeline/stream/members.h"
#include "pipeline/stream/parquet_docs.h"
#include "pipeline/stream/plain_text.h"
#include "pipeline/stream/walk.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INPUT_MARK "\xef\xbb\xbf" /* the byte order mark */

/* How the bytes of a file are divided into documents. */
enum kind { JSON_LINES, JSON_VALUES, TEXT, TEXT_SEPARATED, PARQUET, TABLE, WARC };

/* The position in a .json file: between values at the top level, or within an array before or after an
 * element. */
enum place { AT_TOP, IN_EMPTY_ARRAY, BEFORE_ELEMENT, AFTER_ELEMENT };

struct input {
    struct input_opts opts;
    char *join; /* opts.join, with its escapes replaced */
    const char *const *paths;
    size_t n_paths, next_path;
    struct walk *walk;       /* the directory being read */
    struct members *members; /* the archive being read */
    struct doc_parser *parser;
    struct template *template; /* makes the text of a JSON document; NULL: a single field is the text */
    struct input_stats stats;

    /* At most one of file and parquet is open. */
    struct decompress *file;
    struct parquet_docs *parquet;
    struct csv *table; /* TABLE: from its header on */
    char *name;
    char *plain;   /* the newest text made from markup; owned */
    char *recoded; /* the newest text turned into UTF-8; owned */
    enum markup markup;
    enum kind kind;
    bool eof;
    bool stopped;         /* stop_signal came while waiting: no more documents are returned */
    uint64_t read_before; /* bytes of files that are finished */
    char *buf;            /* unread content is buf[pos..len) */
    size_t pos, len, cap;
    uint64_t text_before; /* bytes of this file's text before buf[0] */
    uint64_t line;        /* line number of buf[pos], from 1 */
    enum place place;     /* for JSON_VALUES */
    uint64_t piece;       /* for TEXT: documents found in this file */
    bool separated;       /* for TEXT_SEPARATED: a separator has been seen */
    char *id;
    struct input_part part;
    uint64_t found; /* documents so far, of all parts */
};

/* input_files.c */

/* Opens the next file unless one is open. False: no file is left, or the program was stopped. */
bool input_next_file(struct input *in);
void input_end_file(struct input *in);
/* Reads more data to the end of buf, which may move. False at the end of the file. */
bool input_more(struct input *in);
/* Whether at least n bytes are left, after reading until there are. */
bool input_have(struct input *in, size_t n);

/* input.c */

/* Handles a bad document at the given line and byte: ends the program, or counts it. */
__attribute__((format(printf, 4, 5))) void input_bad(struct input *in, uint64_t line, size_t byte,
                                                     const char *fmt, ...);
/* The structure of the file is broken: nothing after this point can be read. Returns false. */
bool input_broken(struct input *in, const char *why);
/* Makes a document of a JSON object. False: the object was bad, and was counted. */
bool input_parse(struct input *in, const char *json, size_t len, uint64_t line, struct doc *d);
/* Gives a document without an id one: the file's name, the separator and a number. */
void input_set_id(struct input *in, struct doc *d, const char *separator, uint64_t n);

/* Each function below looks for one document in the open file: true, or false when there was none this time.
 * At the end of the file it closes the file. */
bool input_json_line(struct input *in, struct doc *d);
bool input_json_value(struct input *in, struct doc *d);
bool input_table_row(struct input *in, struct doc *d);
bool input_warc_record(struct input *in, struct doc *d);
bool input_text(struct input *in, struct doc *d);
/* Replaces markup in d, which is at that offset of the file, by its text. False: that could not be made,
 * which is reported. */
bool input_plain_text(struct input *in, enum markup markup, uint64_t at, struct doc *d);
/* The NUL that makes a text binary. NULL: there is none, or it is a page of UTF-16 to be converted. */
const char *input_nul(const struct input *in, enum markup markup, const char *s, size_t n);

#endif
