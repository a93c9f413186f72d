#include "pipeline/eval/parquet_rows.h"
#include "formats/json_text.h"
#include "formats/parquet/parquet.h"
#include "pipeline/lib/apart.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/stream/parquet_docs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Separates the elements of a list until they become an array; texts are assumed not to contain it. */
static const char SEPARATOR[] = "\x1e\x1f\x1e";

struct parquet_rows {
    int fd;
    char *path;
    struct parquet *file;
    struct parquet_want *wants;
    struct parquet_cell *cells;
    size_t n;
};

static void select_columns(struct parquet_rows *p, uint32_t leaves)
{
    p->wants = xcalloc(leaves + 1, sizeof *p->wants);
    p->cells = xcalloc(leaves + 1, sizeof *p->cells);
    for (uint32_t i = 0; i < leaves; i++)
        if (parquet_leaf(p->file, (int)i)->max_rep <= 1)
            p->wants[p->n++] = (struct parquet_want){.leaf = (int)i, .join = SEPARATOR};
    if (parquet_select(p->file, p->wants, p->n) < 0)
        die("%s: %s", p->path, parquet_error(p->file));
}

struct parquet_rows *parquet_rows_open(const char *path)
{
    struct parquet_rows *p = xcalloc(1, sizeof *p);
    struct parquet_info info;
    struct stat st;
    char err[400];
    apart_input(path);
    p->path = xstrdup(path);
    p->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (p->fd < 0 || fstat(p->fd, &st) != 0)
        die_errno("%s", path);
    struct parquet_io io = {.read_at = parquet_read_fd, .ctx = &p->fd, .size = (uint64_t)st.st_size};
    if (parquet_open(&p->file, &io, err, sizeof err) < 0)
        die("%s: %s", path, err);
    parquet_info(p->file, &info);
    select_columns(p, info.n_leaves);
    return p;
}

/* Sets the value under a path of names that dots separate. */
static void set(json_t *row, const char *path, json_t *value)
{
    size_t n = strcspn(path, ".");
    if (!path[n]) {
        json_object_set_new(row, path, value);
        return;
    }
    json_t *group = json_object_getn(row, path, n);
    if (!json_is_object(group)) {
        group = json_object();
        json_object_setn_new(row, path, n, group);
    }
    set(group, path + n + 1, value);
}

static json_t *list(const char *s, size_t len)
{
    json_t *all = json_array();
    for (const char *end = s + len; s;) {
        const char *at = memmem(s, (size_t)(end - s), SEPARATOR, strlen(SEPARATOR));
        json_array_append_new(all, json_text(s, (size_t)((at ? at : end) - s)));
        s = at ? at + strlen(SEPARATOR) : NULL;
    }
    return all;
}

json_t *parquet_rows_next(struct parquet_rows *p)
{
    char name[PARQUET_MAX_PATH];
    int r = parquet_next(p->file, p->cells);
    if (r < 0)
        die("%s: %s", p->path, parquet_error(p->file));
    if (r == 0)
        return NULL;
    json_t *row = json_object();
    for (size_t i = 0; i < p->n; i++) {
        const struct parquet_element *e = parquet_leaf(p->file, p->wants[i].leaf);
        const struct parquet_cell *c = &p->cells[i];
        parquet_path(p->file, e, true, name, sizeof name);
        if (c->s)
            set(row, name, e->max_rep ? list(c->s, c->len) : json_text(c->s, c->len));
    }
    return row;
}

void parquet_rows_close(struct parquet_rows *p)
{
    parquet_close(p->file);
    close(p->fd);
    free(p->wants);
    free(p->cells);
    free(p->path);
    free(p);
}
