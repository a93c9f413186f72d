#include "tests/parquet/parquet.h"

#include "formats/parquet/values.h"

#include <string.h>

static const char levels[] = "\6\1", values[] = "\1\0\0\0a\0\0\0\0\2\0\0\0bc";

void lies_are_refused(void)
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
void offsets_may_be_large(void)
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
void damaged_pages_are_refused(void)
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

void dictionaries_are_checked(void)
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
void runs_without_end_take_no_memory(void)
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
void thrift_bombs_are_refused(void)
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
