#include "tests/parquet/parquet.h"

#include <errno.h>
#include <string.h>

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

struct parquet_io io_of(struct bytes *b)
{
    return (struct parquet_io){read_at, will_need, b, b->hole + b->n};
}

struct bytes load(const char *name)
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

int read_column(struct bytes *b, const char *column, uint64_t *rows, char err[400])
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
        r = parquet_select(p, &(struct parquet_want){.leaf = leaf, .join = ","}, 1);
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
