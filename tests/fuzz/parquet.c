/*
 * Parquet files: whatever the bytes, rows come out, or an error with its place; nothing outside the file is
 * asked for
 */
#include "formats/parquet/parquet.h"

#include "tests/fuzz/fuzz.h"

enum { MAX_COLUMNS = 4, MAX_ROWS = 4096 };

struct bytes {
    const uint8_t *s;
    size_t len;
};

static int64_t read_at(void *ctx, uint64_t offset, void *buf, size_t n)
{
    const struct bytes *b = ctx;
    MUST(offset <= b->len && n <= b->len - offset);
    memcpy(buf, b->s + offset, n);
    return (int64_t)n;
}

static void will_need(void *ctx, uint64_t offset, uint64_t n)
{
    const struct bytes *b = ctx;
    MUST(offset <= b->len && n <= b->len - offset);
}

static void describe(struct parquet *p, const struct parquet_info *info)
{
    char path[64];
    struct parquet_chunk *chunks = calloc(info->n_leaves + 1, sizeof *chunks);
    MUST(chunks);
    for (uint32_t i = 0; i < info->n_elements; i++) {
        const struct parquet_element *e = parquet_element(p, i);
        parquet_path(p, e, i & 1, path, sizeof path);
        MUST(memchr(path, '\0', sizeof path) && parquet_type_name(e) && parquet_meaning_name(e->meaning));
    }
    for (uint32_t g = 0; g < info->n_groups && g < 16; g++) {
        struct parquet_group_info group;
        MUST(parquet_group(p, g, &group, chunks) == 0 && group.rows <= info->rows);
    }
    free(chunks);
}

/* Errors stay, and say where. */
static void read_rows(struct parquet *p, const struct parquet_info *info, size_t n_columns)
{
    struct parquet_cell cells[MAX_COLUMNS];
    uint64_t rows = 0;
    unsigned sum = 0;
    int r;
    while ((r = parquet_next(p, cells)) > 0 && rows < MAX_ROWS) {
        rows++;
        for (size_t i = 0; i < n_columns; i++)
            for (size_t at = 0; cells[i].s && at < cells[i].len; at += at < 256 ? 1 : 1021)
                sum += (unsigned char)cells[i].s[at];
    }
    MUST(rows <= info->rows && sum + 1 != 0);
    if (r == 0)
        MUST(rows == info->rows);
    if (r < 0)
        MUST(parquet_next(p, cells) == r && strncmp(parquet_error(p), "offset ", 7) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct bytes b = {bytes, len};
    struct parquet_io io = {read_at, will_need, &b, len};
    struct parquet_want wants[MAX_COLUMNS];
    struct parquet_info info;
    struct parquet *p;
    char err[400];
    if (parquet_open(&p, &io, err, sizeof err) < 0) {
        MUST(!p && strncmp(err, "offset ", 7) == 0);
        return 0;
    }
    parquet_info(p, &info);
    describe(p, &info);
    size_t n = info.n_leaves < MAX_COLUMNS ? info.n_leaves : MAX_COLUMNS;
    for (size_t i = 0; i < n; i++)
        wants[i] = (struct parquet_want){.leaf = (int)i, .join = "|", .apart = i % 2};
    int r = parquet_select(p, wants, n);
    if (r == 0)
        read_rows(p, &info, n);
    else
        MUST(strncmp(parquet_error(p), "offset ", 7) == 0);
    parquet_close(p);
    return 0;
}
