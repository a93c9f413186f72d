/*
 * parquet.h - read some columns of a Parquet file, row by row, as text, in bounded memory. Byte layout:
 * formats/parquet.md.
 *
 *   r = parquet_open(&p, &io, err, sizeof err)
 *   leaf = parquet_find(p, "text")
 *   r = parquet_select(p, &(struct parquet_want){.leaf = leaf}, 1)
 *   while ((r = parquet_next(p, &cell)) > 0)  cell.s, cell.len; valid until the next call
 *   r < 0: parquet_error(p)
 *   parquet_close(p)
 *
 * The bytes come through io.read_at, so the file may be local, or remote and read in ranges. Before a row
 * group is read, will_need names the column chunks that it and the next one take, in the order of reading.
 *
 * A leaf is a column that holds values; groups hold leaves. Lists give one text a row: their values joined by
 * want.join, null elements left out; or, with want.apart, their elements one by one. Numbers and booleans
 * become decimal text, true or false.
 *
 * No call here prints or exits. Messages begin with the offset in the file.
 */
#ifndef PARQUET_PARQUET_H
#define PARQUET_PARQUET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PARQUET_ESYS = -1,         /* read_at failed */
    PARQUET_EFORMAT = -2,      /* damaged, or no Parquet file */
    PARQUET_EUNSUPPORTED = -3, /* well-formed, but beyond this reader: encrypted, LZO, ... */
    PARQUET_ELIMIT = -4,       /* would need more memory than PARQUET_MAX_MEMORY */
    PARQUET_ENOMEM = -5,
    PARQUET_ENOCOLUMN = -6,
};

enum {
    PARQUET_MAX_MEMORY = 224 << 20, /* bytes of all buffers of an open file together */
    PARQUET_MAX_FOOTER = 64 << 20,
    PARQUET_MAX_ELEMENTS = 1 << 16, /* columns and groups in the schema */
    PARQUET_MAX_DEPTH = 32,         /* groups within groups */
    PARQUET_MAX_GROUPS = 1 << 20,   /* row groups */
    PARQUET_MAX_LIST = 1 << 20,     /* entries of a list in one row */
    PARQUET_MAX_PATH = 1024, /* bytes of a column's name including its groups, for messages and look-ups */
};

enum parquet_type {                     /* numbers as in the format */
                    PARQUET_GROUP = -1, /* no value of its own */
                    PARQUET_BOOLEAN,
                    PARQUET_INT32,
                    PARQUET_INT64,
                    PARQUET_INT96,
                    PARQUET_FLOAT,
                    PARQUET_DOUBLE,
                    PARQUET_BYTE_ARRAY,
                    PARQUET_FIXED, /* FIXED_LEN_BYTE_ARRAY */
};

enum parquet_meaning { /* logical type, or the converted type that old writers use */
                       PARQUET_PLAIN_VALUE,
                       PARQUET_STRING, /* also JSON and ENUM: text as it stands */
                       PARQUET_UNSIGNED,
                       PARQUET_LIST,
                       PARQUET_MAP,
                       PARQUET_DECIMAL,
                       PARQUET_DATE,
                       PARQUET_TIME,
                       PARQUET_TIMESTAMP,
                       PARQUET_INTERVAL,
                       PARQUET_BSON,
                       PARQUET_UUID,
                       PARQUET_FLOAT16,
                       PARQUET_OTHER, /* newer than this reader */
};

enum parquet_repetition { PARQUET_REQUIRED, PARQUET_OPTIONAL, PARQUET_REPEATED };

struct parquet_element {
    const char *name; /* name_len arbitrary bytes; valid as long as the file is open */
    size_t name_len;
    enum parquet_type type;
    int type_length; /* for PARQUET_FIXED */
    enum parquet_repetition repetition;
    enum parquet_meaning meaning;
    int n_children;
    int parent;           /* element number; that of the root is -1 */
    int depth;            /* 1 for children of the root */
    int leaf;             /* number of the leaf, or -1 */
    int max_def, max_rep; /* greatest definition and repetition levels */
};

struct parquet_info {
    uint64_t rows, file_bytes, footer_bytes;
    uint32_t n_groups, n_leaves, n_elements;
    int version;
    const char *created_by; /* created_by_len arbitrary bytes; NULL: not given */
    size_t created_by_len;
};

struct parquet_group_info {
    uint64_t rows, bytes; /* bytes: uncompressed size that the file claims */
};

struct parquet_chunk {      /* one column's part of a row group */
    uint64_t offset, bytes; /* where its pages are in the file, compressed */
    uint64_t values, uncompressed;
    int codec;
    uint32_t encodings; /* bit e: encoding e is used */
    bool has_dictionary;
    const char *refused; /* NULL, or why this reader cannot read it */
    uint64_t said_at;    /* offset in the file of the description of this chunk */
};

struct parquet_io {
    /* Reads n bytes at offset. Returns how many were read, fewer than n only at the end of the file, or a
     * negative errno on failure. */
    int64_t (*read_at)(void *ctx, uint64_t offset, void *buf, size_t n);
    void (*will_need)(void *ctx, uint64_t offset, uint64_t n); /* may be NULL */
    void *ctx;
    uint64_t size; /* bytes of the file */
};

struct parquet_want {
    int leaf;
    const char *
        join; /* placed between the values of a list; NULL: lists are refused. Borrowed until parquet_close */
    bool apart; /* keep the elements of the outermost list apart; join is for lists within them */
};

struct parquet_part { /* one element's part of a cell */
    size_t at, len;
    bool there; /* false: null, or a list without values */
};

struct parquet_cell {
    const char *s; /* NULL: null, or a list without values */
    size_t len;
    const struct parquet_part *parts; /* n_parts of them, when they were wanted apart */
    size_t n_parts;
};

struct parquet;

/* On failure *out is NULL and err says why. */
int parquet_open(struct parquet **out, const struct parquet_io *io, char *err, size_t cap);
void parquet_close(struct parquet *p); /* NULL is fine */
const char *parquet_error(const struct parquet *p);

void parquet_info(const struct parquet *p, struct parquet_info *info);
const struct parquet_element *parquet_element(const struct parquet *p, uint32_t element);
const struct parquet_element *parquet_leaf(const struct parquet *p, int leaf);
/* Writes the element's name after those of its groups, separated by dots; bytes that would disturb a terminal
 * become '?'. brief leaves out the groups that only make a list or a map of their parent: list.element,
 * key_value. */
void parquet_path(const struct parquet *p, const struct parquet_element *e, bool brief, char *buf,
                  size_t cap);
/* Returns the outermost element on the leaf's path that is repeated; NULL: none is. */
const struct parquet_element *parquet_list(const struct parquet *p, int leaf);
/* Returns a leaf by its path, or else by its brief path; PARQUET_ENOCOLUMN: none has it. */
int parquet_find(const struct parquet *p, const char *path);
/* Fills in *info, and chunks[n_leaves] unless it is NULL, for one row group. */
int parquet_group(struct parquet *p, uint32_t group, struct parquet_group_info *info,
                  struct parquet_chunk *chunks);
/* These return NULL for an unknown number. */
const char *parquet_codec_name(int codec);
const char *parquet_encoding_name(int encoding);
const char *parquet_type_name(const struct parquet_element *e);
const char *parquet_meaning_name(enum parquet_meaning m); /* "" for PARQUET_PLAIN_VALUE */

/* Sets which leaves the rows consist of; called once, before the first parquet_next. */
int parquet_select(struct parquet *p, const struct parquet_want *wants, size_t n);
/* Reads the next row: a cell for each want. Returns 1, or 0 after the last row. */
int parquet_next(struct parquet *p, struct parquet_cell *cells);
/* File bytes of the chosen columns that have been read so far; after the last row, all of them. */
uint64_t parquet_bytes_read(const struct parquet *p);

#endif
