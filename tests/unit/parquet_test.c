/*
 * parquet_test - Parquet files that pyarrow wrote give the rows that it reads; files that lie are refused
 * with the place and the reason; memory stays bounded
 */
#include "formats/parquet/codec.h"
#include "formats/parquet/parquet.h"
#include "formats/parquet/values.h"
#include "tests/check.h"

#include <errno.h>
#include <jansson.h>
#include <lz4.h>
#include <stdbool.h>
#include <string.h>

/* --- files in memory
 * ------------------------------------------------------------------------------------------- */

struct bytes {
    uint8_t *s;
    size_t n;
    uint64_t asked, needed; /* by read_at, by will_need */
    uint64_t hole;          /* bytes of nothing after the first 4, before the others */
    bool broken;            /* read_at fails */
};

static int64_t read_at(void *ctx, uint64_t offset, void *buf, size_t n)
{
    struct bytes *b = ctx;
    if (b->broken)
        return -EIO;
    uint64_t end = offset + n;
    if (b->hole && end > b->hole) { /* the end of the file: zeros as far as the hole goes */
        size_t zeros = offset < b->hole + 4 ? (size_t)(b->hole + 4 - offset) : 0;
        memset(buf, 0, zeros);
        memcpy((char *)buf + zeros, b->s + (offset + zeros - b->hole), n - zeros);
        return (int64_t)n;
    }
    CHECK(!b->hole, "offset %llu, in the hole", (unsigned long long)offset);
    if (offset > b->n)
        return 0;
    if (n > b->n - offset)
        n = (size_t)(b->n - offset);
    memcpy(buf, b->s + offset, n);
    b->asked += n;
    return (int64_t)n;
}

static void will_need(void *ctx, uint64_t offset, uint64_t n)
{
    struct bytes *b = ctx;
    CHECK(offset + n <= b->hole + b->n);
    b->needed += n;
}

static struct parquet_io io_of(struct bytes *b)
{
    return (struct parquet_io){read_at, will_need, b, b->hole + b->n};
}

static struct bytes load(const char *name)
{
    char path[300];
    const char *root = getenv("ROOT");
    snprintf(path, sizeof path, "%s/tests/golden/parquet/%s", root ? root : ".", name);
    FILE *f = fopen(path, "rb");
    CHECK(f, "%s", path);
    struct bytes b = {.s = malloc(1 << 16)};
    b.n = fread(b.s, 1, 1 << 16, f);
    fclose(f);
    return b;
}

/* Reads all rows of one column. The code that ended it; err: why, unless that is 0. */
static int read_column(struct bytes *b, const char *column, uint64_t *rows, char err[400])
{
    struct parquet *p;
    struct parquet_io io = io_of(b);
    struct parquet_cell cell;
    *rows = 0;
    int r = parquet_open(&p, &io, err, 400);
    if (r < 0)
        return r;
    int leaf = column ? parquet_find(p, column) : 0;
    if (leaf >= 0) {
        r = parquet_select(p, &(struct parquet_want){leaf, ","}, 1);
        while (r == 0 && (r = parquet_next(p, &cell)) > 0) {
            r = 0;
            ++*rows;
        }
    } else {
        r = leaf;
    }
    snprintf(err, 400, "%s", parquet_error(p));
    parquet_close(p);
    return r;
}

/* --- golden files
 * ---------------------------------------------------------------------------------------------- */

static void append(char *out, const char *s, bool *any)
{
    if (*any)
        strcat(out, "|");
    strcat(out, s);
    *any = true;
}

/* All values that a name leads to in what pyarrow read, joined; false: there is none. */
static void flatten(const json_t *v, const char *path, char *out, bool *any)
{
    size_t i;
    json_t *e;
    char number[40];
    if (json_is_array(v)) {
        json_array_foreach((json_t *)v, i, e) flatten(e, path, out, any);
    } else if (json_is_object(v)) {
        const char *dot = strchr(path, '.');
        size_t n = dot ? (size_t)(dot - path) : strlen(path);
        flatten(json_object_getn(v, path, n), dot ? dot + 1 : "", out, any);
    } else if (json_is_string(v)) {
        append(out, json_string_value(v), any);
    } else if (json_is_integer(v)) {
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(v));
        append(out, number, any);
    } else if (json_is_boolean(v)) {
        append(out, json_is_true(v) ? "true" : "false", any);
    }
}

static void check_golden(const char *file, const char *column, const json_t *all)
{
    char name[80], err[400], want[1000];
    const char *dot = strchr(column, '.');
    size_t top = dot ? (size_t)(dot - column) : strlen(column);
    snprintf(name, sizeof name, "%s.parquet", file);
    struct bytes b = load(name);
    struct parquet_io io = io_of(&b);
    struct parquet_cell cell;
    struct parquet *p;
    const json_t *rows = json_object_getn(json_object_get(all, file), column, top);
    CHECK(rows && parquet_open(&p, &io, err, sizeof err) == 0, "%s: %s", file, err);
    int leaf = parquet_find(p, column);
    CHECK(leaf >= 0 && parquet_select(p, &(struct parquet_want){leaf, "|"}, 1) == 0, "%s: %s", file, column);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        bool any = false;
        want[0] = '\0';
        const json_t *row = json_array_get(rows, i);
        int r = parquet_next(p, &cell);
        CHECK(r == 1, "%s: %s: row %zu: %d %s", file, column, i, r, parquet_error(p));
        flatten(row, dot ? dot + 1 : "", want, &any);
        size_t n = json_is_string(row) ? json_string_length(row) : strlen(want);
        const char *s = json_is_string(row) ? json_string_value(row) : want;
        CHECK((cell.s != NULL) == any, "%s: %s: row %zu is null, or not", file, column, i);
        CHECK(!any || (cell.len == n && memcmp(cell.s, s, n) == 0), "%s: %s: row %zu: '%.*s', not '%s'", file,
              column, i, (int)cell.len, cell.s, s);
    }
    CHECK(parquet_next(p, &cell) == 0, "%s: %s: more rows", file, column);
    CHECK(b.needed <= b.n && b.needed > 0, "%s: %s", file, column);
    parquet_close(p);
    free(b.s);
}

static void golden_files_give_their_rows(void)
{
    static const struct {
        const char *file, *column;
    } columns[] = {
        {"plain-v1", "text"},
        {"dictionary-v1-snappy", "text"},
        {"dictionary-v1-snappy", "id"},
        {"fallback-v2-zstd", "text"},
        {"delta-v2-gzip", "text"},
        {"delta-v2-gzip", "long"},
        {"delta-v2-gzip", "n"},
        {"numbers-lz4", "flag"},
        {"numbers-lz4", "i32"},
        {"nested-brotli", "conversations.role"},
        {"nested-brotli", "conversations.content"},
        {"nested-brotli", "choices"},
        {"nested-brotli", "deep"},
        {"nested-brotli", "meta.title"},
    };
    struct bytes b = load("rows.json");
    json_error_t e;
    json_t *all = json_loadb((char *)b.s, b.n, JSON_ALLOW_NUL, &e);
    free(b.s);
    CHECK(all, "%s", e.text);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        check_golden(columns[i].file, columns[i].column, all);
    json_decref(all);
}

static void numbers_become_text(void)
{
    static const struct {
        const char *column, *text[4];
    } columns[] = {
        {"f32", {"1.5", "0.1", NULL, "-2e+30"}},
        {"f64", {"0.1", "1e+300", "2", NULL}},
        {"u64", {"18446744073709551615", "0", "7", NULL}},
    };
    struct bytes b = load("numbers-lz4.parquet");
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        struct parquet_io io = io_of(&b);
        struct parquet *p;
        struct parquet_cell cell;
        char err[400];
        CHECK(parquet_open(&p, &io, err, sizeof err) == 0, "%s", err);
        CHECK(parquet_select(p, &(struct parquet_want){.leaf = parquet_find(p, columns[i].column)}, 1) == 0);
        for (int row = 0; row < 4; row++) {
            const char *want = columns[i].text[row];
            CHECK(parquet_next(p, &cell) == 1, "%s", parquet_error(p));
            CHECK(want ? cell.s && cell.len == strlen(want) && memcmp(cell.s, want, cell.len) == 0 : !cell.s,
                  "%s row %d: %.*s", columns[i].column, row, (int)cell.len, cell.s);
        }
        parquet_close(p);
    }
    free(b.s);
}

static void columns_are_found_by_both_names(void)
{
    struct bytes b = load("nested-brotli.parquet");
    struct parquet_io io = io_of(&b);
    struct parquet *p;
    char err[400];
    CHECK(parquet_open(&p, &io, err, sizeof err) == 0, "%s", err);
    int leaf = parquet_find(p, "conversations.list.element.content");
    CHECK(leaf == 1 && parquet_find(p, "conversations.content") == leaf);
    CHECK(parquet_find(p, "deep.list.element.list.element") == 3 && parquet_find(p, "deep") == 3);
    CHECK(parquet_find(p, "meta.title") == 4 && parquet_find(p, "meta") == PARQUET_ENOCOLUMN);
    CHECK(parquet_select(p, &(struct parquet_want){.leaf = leaf}, 1) == PARQUET_EUNSUPPORTED);
    CHECK(strstr(parquet_error(p), "column conversations.content: it is a list"), "%s", parquet_error(p));
    parquet_close(p);
    free(b.s);
}

/* --- damaged files
 * --------------------------------------------------------------------------------------------- */

static void cut_and_changed_files_end_in_order(void)
{
    static const char *const files[] = {"plain-v1", "dictionary-v1-snappy", "fallback-v2-zstd",
                                        "delta-v2-gzip"};
    char err[400], name[80];
    uint64_t rows;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(name, sizeof name, "%s.parquet", files[i]);
        struct bytes b = load(name);
        size_t whole = b.n;
        for (b.n = 0; b.n < whole; b.n++) {
            CHECK(read_column(&b, "text", &rows, err) == PARQUET_EFORMAT, "%s cut at %zu", name, b.n);
            CHECK(strncmp(err, "offset ", 7) == 0, "%s", err);
        }
        for (size_t at = 0; at < whole; at++)
            for (int bit = 0; bit < 8; bit++) {
                b.s[at] ^= (uint8_t)(1 << bit);
                int r = read_column(&b, "text", &rows, err);
                CHECK(r <= 0 && (r == 0 || r == PARQUET_ENOCOLUMN || strncmp(err, "offset ", 7) == 0),
                      "%s: %s", name, err);
                b.s[at] ^= (uint8_t)(1 << bit);
            }
        free(b.s);
    }
}

static void checksums_are_checked(void)
{
    struct bytes b = load("nested-brotli.parquet");
    char err[400];
    uint64_t rows;
    struct parquet_io io = io_of(&b);
    struct parquet *p;
    struct parquet_group_info group;
    struct parquet_chunk chunks[8];
    CHECK(parquet_open(&p, &io, err, sizeof err) == 0 && parquet_group(p, 0, &group, chunks) == 0, "%s", err);
    parquet_close(p);
    b.s[chunks[0].offset + chunks[0].bytes - 1] ^= 1; /* the last byte of its last page */
    CHECK(read_column(&b, "conversations.role", &rows, err) == PARQUET_EFORMAT, "it was read");
    CHECK(strstr(err, "a page's checksum is wrong"), "%s", err);
    free(b.s);
}

static void failed_reads_are_told(void)
{
    struct bytes b = load("plain-v1.parquet");
    struct parquet_io io = io_of(&b);
    struct parquet *p;
    struct parquet_cell cell;
    char err[400];
    CHECK(parquet_open(&p, &io, err, sizeof err) == 0);
    CHECK(parquet_select(p, &(struct parquet_want){.leaf = 0}, 1) == 0);
    b.broken = true;
    CHECK(parquet_next(p, &cell) == PARQUET_ESYS && strstr(parquet_error(p), "offset 4: cannot read: "), "%s",
          parquet_error(p));
    b.broken = false;
    CHECK(parquet_next(p, &cell) == PARQUET_ESYS);
    parquet_close(p);
    free(b.s);
}

/* --- files that lie
 * -------------------------------------------------------------------------------------------- */

/* The claims of a small file: one column "text" of strings, one row group, one page. */
struct claims {
    int64_t file_rows, group_rows, chunk_values, data_offset, chunk_bytes, codec, type, children;
    int64_t page_type, page_values, page_bytes, page_stored, encoding, level_encoding;
    int64_t repetition, dictionary_values, footer_more;
};

static const struct claims truth = {
    .file_rows = 3,
    .group_rows = 3,
    .chunk_values = 3,
    .type = PARQUET_BYTE_ARRAY,
    .children = 1,
    .page_values = 3,
    .level_encoding = 3,
    .repetition = PARQUET_OPTIONAL,
    .dictionary_values = -1,
};

struct thrift_out {
    uint8_t *at;
    int last[8], depth;
};

static void put_varint(struct thrift_out *o, uint64_t v)
{
    for (; v >= 128; v >>= 7)
        *o->at++ = (uint8_t)(v | 128);
    *o->at++ = (uint8_t)v;
}

static void put_field(struct thrift_out *o, int id, int type)
{
    *o->at++ = (uint8_t)((id - o->last[o->depth]) << 4 | type);
    o->last[o->depth] = id;
}

static void put_number(struct thrift_out *o, int id, int type, int64_t v)
{
    put_field(o, id, type);
    put_varint(o, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

static void put_name(struct thrift_out *o, int id, const char *s)
{
    put_field(o, id, 8);
    put_varint(o, strlen(s));
    o->at = mempcpy(o->at, s, strlen(s));
}

static void open_struct(struct thrift_out *o)
{
    o->last[++o->depth] = 0;
}

static void close_struct(struct thrift_out *o)
{
    *o->at++ = 0;
    o->depth--;
}

static void put_list(struct thrift_out *o, int id, int n)
{
    put_field(o, id, 9);
    *o->at++ = (uint8_t)(n << 4 | 12);
}

static void put_page_header(struct thrift_out *o, const struct claims *c, int64_t bytes)
{
    put_number(o, 1, 5, c->page_type);
    put_number(o, 2, 5, bytes + c->page_bytes);
    put_number(o, 3, 5, bytes + c->page_stored);
    put_field(o, c->page_type == 2 ? 7 : 5, 12);
    open_struct(o);
    put_number(o, 1, 5, c->page_type == 2 ? c->dictionary_values : c->page_values);
    put_number(o, 2, 5, c->encoding);
    if (c->page_type != 2) {
        put_number(o, 3, 5, c->level_encoding);
        put_number(o, 4, 5, 3);
    }
    close_struct(o);
    *o->at++ = 0;
    o->last[0] = 0;
}

static void put_footer(struct thrift_out *o, const struct claims *c, int64_t chunk_bytes)
{
    put_number(o, 1, 5, 2);
    put_list(o, 2, 2);
    open_struct(o);
    put_name(o, 4, "schema");
    put_number(o, 5, 5, c->children);
    close_struct(o);
    open_struct(o);
    put_number(o, 1, 5, c->type);
    put_number(o, 3, 5, c->repetition);
    put_name(o, 4, "text");
    close_struct(o);
    put_number(o, 3, 6, c->file_rows);
    put_list(o, 4, 1);
    open_struct(o);
    put_list(o, 1, 1);
    open_struct(o);
    put_number(o, 2, 6, 4);
    put_field(o, 3, 12);
    open_struct(o);
    put_number(o, 1, 5, PARQUET_BYTE_ARRAY);
    put_number(o, 4, 5, c->codec);
    put_number(o, 5, 6, c->chunk_values);
    put_number(o, 7, 6, chunk_bytes + c->chunk_bytes);
    put_number(o, 9, 6, 4 + c->data_offset);
    close_struct(o);
    close_struct(o);
    put_number(o, 2, 6, chunk_bytes);
    put_number(o, 3, 6, c->group_rows);
    close_struct(o);
    *o->at++ = 0;
}

/* The file that makes these claims; its page is levels (or none) and values, as given. */
static struct bytes build(const struct claims *c, const char *levels, size_t n_levels, const char *values,
                          size_t n)
{
    struct bytes b = {.s = calloc(1, 4096)};
    struct thrift_out o = {.at = b.s};
    o.at = mempcpy(o.at, "PAR1", 4);
    if (c->dictionary_values >= 0) {
        struct claims d = *c;
        d.page_type = 2;
        d.encoding = 0;
        put_page_header(&o, &d, 5);
        o.at = mempcpy(o.at, "\1\0\0\0x", 5);
    }
    put_page_header(&o, c, (int64_t)(n_levels ? n_levels + 4 : 0) + (int64_t)n);
    if (n_levels) {
        uint32_t len = (uint32_t)n_levels;
        o.at = mempcpy(o.at, &len, 4);
        o.at = mempcpy(o.at, levels, n_levels);
    }
    o.at = mempcpy(o.at, values, n);
    uint8_t *footer = o.at;
    put_footer(&o, c, footer - b.s - 4);
    uint32_t len = (uint32_t)(o.at - footer + c->footer_more);
    o.at = mempcpy(o.at, &len, 4);
    o.at = mempcpy(o.at, "PAR1", 4);
    b.n = (size_t)(o.at - b.s);
    return b;
}

static const char levels[] = "\6\1", values[] = "\1\0\0\0a\0\0\0\0\2\0\0\0bc";

static void lies_are_refused(void)
{
    static const struct {
        size_t claim;
        int64_t value;
        int code;
        const char *error;
    } lies[] = {
#define LIE(claim, ...) {offsetof(struct claims, claim), __VA_ARGS__}
        LIE(file_rows, 4, PARQUET_EFORMAT, "the file says it has 4 rows, its row groups have fewer"),
        LIE(file_rows, 2, PARQUET_EFORMAT, "the file says it has 2 rows, its row groups have more"),
        LIE(file_rows, -1, PARQUET_EFORMAT, "a size or count in the metadata is negative"),
        LIE(group_rows, INT64_MAX, PARQUET_EFORMAT, "its row groups have more"),
        LIE(chunk_values, 2, PARQUET_EFORMAT,
            "column text: its pages have more values than the row group says"),
        LIE(chunk_values, 4, PARQUET_EFORMAT,
            "column text: its pages have fewer values than the row group says"),
        LIE(chunk_values, 0, PARQUET_EFORMAT, "column text ends 3 rows before its row group"),
        LIE(data_offset, -4, PARQUET_EFORMAT, "column text: its pages lie outside the file's data"),
        LIE(data_offset, 1000, PARQUET_EFORMAT, "column text: its pages lie outside the file's data"),
        LIE(data_offset, INT64_MAX - 4, PARQUET_EFORMAT,
            "column text: its pages lie outside the file's data"),
        LIE(chunk_bytes, 1, PARQUET_EFORMAT, "column text: its pages lie outside the file's data"),
        LIE(chunk_bytes, INT64_MAX - 4096, PARQUET_EFORMAT,
            "column text: its pages lie outside the file's data"),
        LIE(chunk_bytes, -1, PARQUET_EFORMAT, "column text: a page reaches beyond the column's end"),
        LIE(codec, 3, PARQUET_EUNSUPPORTED, "column text: it is compressed with LZO"),
        LIE(codec, 77, PARQUET_EUNSUPPORTED,
            "column text: it is compressed in a way that this reader does not know"),
        LIE(codec, 1, PARQUET_EFORMAT, "column text: cannot decompress a page (SNAPPY): "),
        LIE(codec, 2, PARQUET_EFORMAT, "column text: cannot decompress a page (GZIP): "),
        LIE(codec, 4, PARQUET_EFORMAT, "column text: cannot decompress a page (BROTLI): "),
        LIE(codec, 5, PARQUET_EFORMAT, "column text: cannot decompress a page (LZ4): "),
        LIE(codec, 6, PARQUET_EFORMAT, "column text: cannot decompress a page (ZSTD): "),
        LIE(codec, 7, PARQUET_EFORMAT, "column text: cannot decompress a page (LZ4_RAW): "),
        LIE(type, 4, PARQUET_EFORMAT, "column text: its type is not that of the schema"),
        LIE(type, 8, PARQUET_EFORMAT, "the schema has a type that does not exist"),
        LIE(type, 7, PARQUET_EFORMAT, "the schema has a fixed-length column without a length"),
        LIE(children, 2, PARQUET_EFORMAT, "the schema ends before all its groups have their children"),
        LIE(children, 0, PARQUET_EFORMAT, "the schema has more elements than its groups have children"),
        LIE(children, -1, PARQUET_EFORMAT, "the schema has an impossible number of children"),
        LIE(repetition, 3, PARQUET_EFORMAT, "the schema has a repetition that does not exist"),
        LIE(page_type, 7, PARQUET_EFORMAT,
            "column text: its pages have fewer values than the row group says"),
        LIE(page_type, 3, PARQUET_EFORMAT, "the page's header does not describe its values"),
        LIE(page_values, 4, PARQUET_EFORMAT,
            "column text: its pages have more values than the row group says"),
        LIE(page_values, -3, PARQUET_EFORMAT, "a size or count in the page's header is negative"),
        LIE(page_bytes, 1, PARQUET_EFORMAT, "its content is not as long as the page says"),
        LIE(page_bytes, 2000000000, PARQUET_ELIMIT, "column text: a page of 2000000021 bytes"),
        LIE(page_bytes, -40, PARQUET_EFORMAT, "a size or count in the page's header is negative"),
        LIE(page_stored, 1, PARQUET_EFORMAT, "column text: a page reaches beyond the column's end"),
        LIE(page_stored, -1, PARQUET_EFORMAT, "its content is not as long as the page says"),
        LIE(encoding, 5, PARQUET_EFORMAT, "column text: an encoding that its type cannot have"),
        LIE(encoding, 1, PARQUET_EFORMAT, "column text: an unknown encoding"),
        LIE(encoding, 6, PARQUET_EFORMAT, "column text: damaged differences"),
        LIE(encoding, 8, PARQUET_EFORMAT, "column text: its values are in a dictionary that is not there"),
        LIE(level_encoding, 4, PARQUET_EUNSUPPORTED, "column text: levels in an encoding that is not RLE"),
        LIE(dictionary_values, 9, PARQUET_EFORMAT, "column text: the dictionary is shorter than its values"),
        LIE(footer_more, 1, PARQUET_EFORMAT, "offset "),
        LIE(footer_more, 1 << 30, PARQUET_EFORMAT, "longer than the file"),
#undef LIE
    };
    char err[400];
    uint64_t rows;
    struct bytes b = build(&truth, levels, 2, values, sizeof values - 1);
    CHECK(read_column(&b, "text", &rows, err) == 0 && rows == 3, "%s", err);
    free(b.s);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct claims c = truth;
        memcpy((char *)&c + lies[i].claim, &lies[i].value, sizeof(int64_t));
        b = build(&c, levels, 2, values, sizeof values - 1);
        int r = read_column(&b, NULL, &rows, err);
        CHECK(r == lies[i].code && strncmp(err, "offset ", 7) == 0 && strstr(err, lies[i].error),
              "lie %zu: %d: %s, not %s", i, r, err, lies[i].error);
        free(b.s);
    }
}

/* A terabyte, most of it a hole that must not be read. */
static void offsets_may_be_large(void)
{
    struct claims c = truth;
    char err[400];
    uint64_t rows;
    c.data_offset = (int64_t)1 << 40;
    struct bytes b = build(&c, levels, 2, values, sizeof values - 1);
    b.hole = 1ull << 40;
    CHECK(read_column(&b, "text", &rows, err) == 0 && rows == 3, "%s", err);
    free(b.s);
}

/* Pages whose sizes are true and whose content is not. */
static void damaged_pages_are_refused(void)
{
    static const struct {
        int64_t encoding;
        const char *levels;
        size_t n_levels;
        const char *values;
        size_t n;
        const char *error;
    } pages[] = {
#define PAGE(e, l, v, error) {e, l, sizeof l - 1, v, sizeof v - 1, error}
        PAGE(0, "\6", "\0\0\0\0", "the levels end before the page's last value"),
        PAGE(0, "\4\1", "\0\0\0\0\0\0\0\0\0\0\0\0", "the levels end before the page's last value"),
        PAGE(0, "\6\2", "\0\0\0\0", "a level above the greatest of the column"),
        PAGE(0, "\6\1", "\0\0\0\0\0\0\0\0\0\0\0", "the values end before the page's last one"),
        PAGE(0, "\6\1", "\1\0\0\0", "a string is longer than the page"),
        PAGE(0, "\6\1", "\377\377\377\377", "a string is longer than the page"),
        PAGE(6, "\6\1", "\200\1\4\3\6\0\0\0\0\0a", "a string is longer than the page"),
        PAGE(6, "\6\1", "\200\1\4\3\1\0\0\0\0\0a", "a string is longer than the page"),
        PAGE(6, "\6\1", "\200\1\4\3\2\0\101\0\0\0a", "damaged differences"),
        PAGE(6, "\6\1", "\200\1\0\3\2", "damaged differences"),
        PAGE(6, "\6\1", "\200\1\4\1\2a", "the values end before the page's last one"),
        PAGE(6, "\6\1", "\14\1\3\2\0\0a", "damaged differences"),            /* 12 numbers in a miniblock */
        PAGE(6, "\6\1", "\200\200\200\1\1\3\2\0\0a", "damaged differences"), /* 2^21 numbers in a block */
        PAGE(6, "\6\1",
             "\200\1\4\3\2\0\101\0\0\0"
             "0123456789012345678901234",
             "damaged differences"), /* 65 bits */
        PAGE(7, "\6\1", "\200\1\4\3\2\0\0\0\0\0\200\1\4\3\0\0\0\0\0\0", "a string is longer than the page"),
        PAGE(8, "\6\1", "\41\6\0", "dictionary indices wider than 32 bits"),
        PAGE(8, "\6\1", "\1\6\1", "an index beyond the dictionary"),
        PAGE(8, "\6\1", "\1\4\0", "the values end before the page's last one"),
#undef PAGE
    };
    char err[400];
    uint64_t rows;
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        struct claims c = truth;
        c.encoding = pages[i].encoding;
        c.dictionary_values = pages[i].encoding == 8 ? 1 : -1;
        struct bytes b = build(&c, pages[i].levels, pages[i].n_levels, pages[i].values, pages[i].n);
        int r = read_column(&b, "text", &rows, err);
        CHECK(r == PARQUET_EFORMAT && strstr(err, "offset ") == err && strstr(err, pages[i].error),
              "page %zu: %d: %s, not %s", i, r, err, pages[i].error);
        free(b.s);
    }
}

static void dictionaries_are_checked(void)
{
    struct claims c = truth;
    char err[400];
    uint64_t rows;
    c.page_type = 2;
    c.dictionary_values = 1;
    struct bytes b = build(&c, "", 0, "\1\0\0\0a", 5);
    CHECK(read_column(&b, "text", &rows, err) == PARQUET_EFORMAT &&
              strstr(err, "column text: a second dictionary"),
          "%s", err);
    free(b.s);

    struct memory memory = {.limit = 1000};
    struct dictionary d = {0};
    const char *why;
    CHECK(buffer_reserve(&d.page, 17, &memory) == 0);
    struct parquet_element e = {.type = PARQUET_INT64};
    CHECK(dictionary_index(&d, &e, 2, 17, &memory, &why) == 0);
    CHECK(dictionary_index(&d, &e, 3, 17, &memory, &why) == PARQUET_EFORMAT);
    dictionary_free(&d, &memory);
    CHECK(memory.held == 0);
}

/* A row that goes on for two billion entries, and rows that are all null. */
static void runs_without_end_take_no_memory(void)
{
    struct claims c = truth;
    char err[400];
    uint64_t rows;
    c.file_rows = c.group_rows = c.chunk_values = c.page_values = 1 << 20;
    struct bytes b = build(&c, "\200\200\200\1\0", 5, "", 0);
    CHECK(read_column(&b, "text", &rows, err) == 0 && rows == 1 << 20, "%s", err);
    free(b.s);
    c = truth;
    c.repetition = PARQUET_REPEATED;
    c.file_rows = c.group_rows = 1;
    c.chunk_values = c.page_values = INT32_MAX;
    /* Repetition levels: a 0, then ones; definition levels: zeros. */
    b = build(&c, "\2\0\200\200\200\200\20\1", 8, "\6\0\0\0\200\200\200\200\20\0", 10);
    CHECK(read_column(&b, "text", &rows, err) == PARQUET_ELIMIT &&
              strstr(err, "a list of more than 1048576 entries"),
          "%s", err);
    free(b.s);
}

/* Footers that are all structure. */
static void thrift_bombs_are_refused(void)
{
    enum { N = 4 << 20 };
    static const struct {
        const char *begin, *repeat;
        size_t n_begin, n_repeat;
        const char *error;
    } bombs[] = {
#define BOMB(b, r, error) {b, r, sizeof b - 1, sizeof r - 1, error}
        BOMB("\15\22", "\34", "nested too deeply"),     /* structs in structs */
        BOMB("\111\34", "\31\34", "nested too deeply"), /* lists in lists */
        BOMB("\51\374\377\377\377\377\17", "\0",
             "more elements than there are bytes"), /* 2^32 schema elements */
        BOMB("\51\374\200\200\300\1", "\0", "more than 65536 elements"),
        BOMB("\51\54\110\1r\25\2\0\110\377\377\377\377\17", "x", "ends within a value"), /* a long name */
        BOMB("\25\377\377\377\377\377\377\377\377\377\377", "\377", "more than 64 bits"),
        BOMB("\25\377\377\377\377\377\1", "\0", "more than 32 bits"),
        BOMB("\17", "\17", "no such field type"),
        BOMB("", "\0", "the footer has no schema"),
#undef BOMB
    };
    struct bytes b = {.s = malloc(N + 64)};
    char err[400];
    uint64_t rows;
    for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++) {
        uint8_t *at = mempcpy(b.s, "PAR1", 4);
        at = mempcpy(at, bombs[i].begin, bombs[i].n_begin);
        for (size_t n = 0; n + bombs[i].n_repeat <= N; n += bombs[i].n_repeat)
            at = mempcpy(at, bombs[i].repeat, bombs[i].n_repeat);
        uint32_t len = (uint32_t)(at - b.s - 4);
        at = mempcpy(at, &len, 4);
        b.n = (size_t)((uint8_t *)mempcpy(at, "PAR1", 4) - b.s);
        int r = read_column(&b, "text", &rows, err);
        CHECK(r == PARQUET_EFORMAT && strstr(err, bombs[i].error), "bomb %zu: %d: %s, not %s", i, r, err,
              bombs[i].error);
    }
    memcpy(b.s + b.n - 4, "PARE", 4);
    CHECK(read_column(&b, "text", &rows, err) == PARQUET_EUNSUPPORTED && strstr(err, "encrypted"), "%s", err);
    free(b.s);
}

/* The deprecated codec: Hadoop's blocks, or the single bare block of old versions of parquet-cpp. */
static void both_kinds_of_old_lz4_are_read(void)
{
    static const char text[] = "to be or not to be, to be or not to be, to be or not to be";
    uint8_t in[200], out[2 * sizeof text];
    struct codec_state *s = codec_new();
    int n = LZ4_compress_default(text, (char *)in + 8, sizeof text, sizeof in - 8);
    memcpy(in, (uint8_t[]){0, 0, 0, sizeof text, 0, 0, 0, (uint8_t)n}, 8);
    memcpy(in + 8 + n, in, 8 + (size_t)n);
    size_t block = 8 + (size_t)n;
    CHECK(!codec_decode(s, CODEC_LZ4, in, 2 * block, out, sizeof out));
    CHECK(memcmp(out, text, sizeof text) == 0 && memcmp(out + sizeof text, text, sizeof text) == 0);
    memset(out, 0, sizeof out);
    CHECK(!codec_decode(s, CODEC_LZ4, in + 8, (size_t)n, out, sizeof text) &&
          memcmp(out, text, sizeof text) == 0);
    CHECK(codec_decode(s, CODEC_LZ4, in, 2 * block - 1, out, sizeof out));
    CHECK(codec_decode(s, CODEC_LZ4, in, 2 * block, out, sizeof out - 1));
    codec_free(s);
}

int main(void)
{
    test_begin(60);
    golden_files_give_their_rows();
    numbers_become_text();
    columns_are_found_by_both_names();
    cut_and_changed_files_end_in_order();
    checksums_are_checked();
    failed_reads_are_told();
    lies_are_refused();
    offsets_may_be_large();
    damaged_pages_are_refused();
    dictionaries_are_checked();
    runs_without_end_take_no_memory();
    thrift_bombs_are_refused();
    both_kinds_of_old_lz4_are_read();
    return 0;
}
