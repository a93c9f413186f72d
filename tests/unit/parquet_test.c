/*
 * parquet_test - Parquet files that pyarrow wrote give the rows that it reads; files that lie are refused
 * with the place and the reason; memory stays bounded
 */
#include "tests/parquet/parquet.h"

#include "formats/parquet/codec.h"

#include <jansson.h>
#include <lz4.h>
#include <string.h>

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
    CHECK(leaf >= 0 && parquet_select(p, &(struct parquet_want){.leaf = leaf, .join = "|"}, 1) == 0, "%s: %s",
          file, column);
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
