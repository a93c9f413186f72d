#include "pipeline/eval/rows.h"
#include "formats/json_lenient.h"
#include "pipeline/eval/parquet_rows.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/stream/input.h"

#include <stdlib.h>

struct rows {
    const char *path;             /* borrowed */
    struct parquet_rows *parquet; /* one of these two is there */
    struct input *documents;
    size_t n;
};

struct rows *rows_open(const char *path)
{
    struct input_opts opts = {.domain = -1, .raw_json = true};
    struct rows *r = xcalloc(1, sizeof *r);
    r->path = path;
    if (input_is_parquet(path))
        r->parquet = parquet_rows_open(path);
    else
        r->documents = input_open(&opts, &r->path, 1);
    return r;
}

json_t *rows_next(struct rows *r, char **place)
{
    struct doc d;
    json_error_t e;
    if (r->parquet) {
        json_t *row = parquet_rows_next(r->parquet);
        *place = row ? xasprintf("%s:%zu", r->path, ++r->n) : NULL;
        return row;
    }
    *place = NULL;
    if (!input_next(r->documents, &d))
        return NULL;
    json_t *row = json_load_lenient(d.text, d.len, JSON_REJECT_DUPLICATES, 0, &e, NULL);
    if (!row)
        die("%s: byte %d: %s", d.id, e.position, e.text);
    *place = xstrdup(d.id);
    return row;
}

void rows_close(struct rows *r)
{
    if (r->parquet)
        parquet_rows_close(r->parquet);
    else
        input_close(r->documents);
    free(r);
}
