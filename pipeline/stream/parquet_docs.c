#include "pipeline/stream/parquet_docs.h"

#include "formats/template.h"
#include "formats/tokens.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NONE = -1, MAX_LISTED = 12 /* column names in a message */ };

struct parquet_docs {
    int fd; /* -1: a source provides the bytes */
    char *name;
    const struct input_opts *opts;
    struct parquet *file;
    uint64_t size, rows, row;
    struct template *template; /* makes the text; owned */
    struct parquet_want *wants;
    struct parquet_cell *cells; /* one for each wanted column */
    size_t n_wants;
    int *part_cells;          /* the cell of each part of the template, or NONE */
    int id_cell, domain_cell; /* index of the cell, or NONE */
    struct strbuf text, id;
    char error[400];
};

int64_t parquet_read_fd(void *ctx, uint64_t offset, void *buf, size_t n)
{
    const int *fd = ctx;
    size_t done = 0;
    while (done < n) {
        ssize_t r = pread(*fd, (char *)buf + done, n - done, (off_t)(offset + done));
        if (r < 0 && errno != EINTR)
            return -errno;
        if (r == 0)
            break;
        done += r > 0 ? (size_t)r : 0;
    }
    return (int64_t)done;
}

/* Lists the names that can be given for a column, as many as fit into a message. */
static char *column_names(const struct parquet_docs *p)
{
    struct strbuf b = {0};
    struct parquet_info info;
    char name[PARQUET_MAX_PATH];
    parquet_info(p->file, &info);
    strbuf_addf(&b, "%s", info.n_leaves ? "" : "nothing");
    for (uint32_t i = 0; i < info.n_leaves && i < MAX_LISTED; i++) {
        parquet_path(p->file, parquet_leaf(p->file, (int)i), true, name, sizeof name);
        strbuf_addf(&b, "%s%.60s", i ? ", " : "", name);
    }
    if (info.n_leaves > MAX_LISTED)
        strbuf_addf(&b, " and %u more", info.n_leaves - MAX_LISTED);
    return b.s;
}

static bool has(const struct parquet_docs *p, const char *column)
{
    return parquet_find(p->file, column) >= 0;
}

/* Makes a template for the columns that hold the text when the user named none. */
static struct template *default_template(const struct parquet_docs *p)
{
    const char *why;
    size_t at;
    for (size_t i = 0; i < DOC_TEXT_FIELDS; i++)
        if (has(p, doc_text_fields[i]))
            return template_of_field(doc_text_fields[i]);
    if (has(p, "answer") && (has(p, "instruction") || has(p, "question")))
        return template_parse(has(p, "instruction") ? "{instruction}\n{answer}" : "{question}\n{answer}",
                              &why, &at);
    die("%s: no text, content, code, or similar column (the file has: %s)", p->name, column_names(p));
}

/* Adds a column, unless it was added before. Returns its cell. */
static int add_want(struct parquet_docs *p, int leaf, bool apart)
{
    for (size_t i = 0; i < p->n_wants; i++)
        if (p->wants[i].leaf == leaf && p->wants[i].apart == apart)
            return (int)i;
    p->wants = xrealloc(p->wants, (p->n_wants + 1) * sizeof *p->wants);
    p->wants[p->n_wants] = (struct parquet_want){.leaf = leaf, .join = p->opts->join, .apart = apart};
    return (int)p->n_wants++;
}

/* Dies unless the leaf lies in groups that the outermost list on its way, called `list`, holds. */
static void check_list(const struct parquet_docs *p, const char *list, int leaf)
{
    const struct parquet_element *e = parquet_list(p->file, leaf);
    char name[PARQUET_MAX_PATH] = "";
    if (e)
        parquet_path(p->file, e, true, name, sizeof name);
    if (strcmp(name, list) != 0)
        die("%s: --text: \"%s\" is no list of groups", p->name, list);
}

/* list: the one that the column lies in; NULL: none. */
static int want_text(struct parquet_docs *p, const char *list, const char *field)
{
    char *column = list ? xasprintf("%s.%s", list, field) : xstrdup(field);
    int leaf = parquet_find(p->file, column);
    if (leaf < 0)
        die("%s: no \"%s\" column (the file has: %s)", p->name, column, column_names(p));
    if (list)
        check_list(p, list, leaf);
    if (parquet_leaf(p->file, leaf)->max_rep > (list != NULL) && !p->opts->join)
        die("%s: column %s is a list, and nothing is said to join its values with (--join)", p->name, column);
    free(column);
    return add_want(p, leaf, list != NULL);
}

/* Adds a column that is used if it exists and holds one text or whole number a row. */
static int want_if_there(struct parquet_docs *p, const char *column)
{
    int leaf = parquet_find(p->file, column);
    if (leaf < 0)
        return NONE;
    const struct parquet_element *e = parquet_leaf(p->file, leaf);
    bool plain =
        e->meaning == PARQUET_PLAIN_VALUE || e->meaning == PARQUET_STRING || e->meaning == PARQUET_UNSIGNED;
    bool fits = e->type == PARQUET_BYTE_ARRAY || e->type == PARQUET_INT32 || e->type == PARQUET_INT64;
    return plain && fits && e->max_rep == 0 ? add_want(p, leaf, false) : NONE;
}

/* Finds the cells of the template's fields; that of a list is the one of its first field. */
static void select_template(struct parquet_docs *p)
{
    const struct template *t = p->template;
    const struct template_part *list = NULL;
    p->part_cells = xcalloc(t->n ? t->n : 1, sizeof *p->part_cells);
    for (size_t i = 0; i < t->n; i++) {
        const struct template_part *part = &t->parts[i];
        p->part_cells[i] = NONE;
        if (part->kind == TEMPLATE_LIST)
            list = part;
        else if (part->kind == TEMPLATE_FIELD)
            p->part_cells[i] = want_text(p, list ? list->s : NULL, part->s);
        if (part->kind == TEMPLATE_FIELD && list && p->part_cells[list - t->parts] == NONE)
            p->part_cells[list - t->parts] = p->part_cells[i];
        if (part->kind == TEMPLATE_LIST_END && p->part_cells[list - t->parts] == NONE)
            die("%s: --text: the list \"%s\" names no field of its elements", p->name, list->s);
        if (part->kind == TEMPLATE_LIST_END)
            list = NULL;
    }
}

static void select_columns(struct parquet_docs *p)
{
    select_template(p);
    p->id_cell = want_if_there(p, "id");
    p->domain_cell = want_if_there(p, "domain");
    p->cells = xcalloc(p->n_wants ? p->n_wants : 1, sizeof *p->cells);
    if (parquet_select(p->file, p->wants, p->n_wants) < 0)
        die("%s: %s", p->name, parquet_error(p->file));
}

static struct parquet_docs *open_docs(struct parquet_docs *p, const struct parquet_io *io)
{
    const struct input_opts *opts = p->opts;
    struct parquet_info info;
    const char *why;
    size_t at;
    p->size = io->size;
    if (parquet_open(&p->file, io, p->error, sizeof p->error) < 0)
        die("%s: %s", p->name, p->error);
    parquet_info(p->file, &info);
    p->rows = info.rows;
    p->template = opts->template     ? template_parse(opts->template, &why, &at)
                  : opts->text_field ? template_of_field(opts->text_field)
                                     : default_template(p);
    if (!p->template)
        die("out of memory");
    select_columns(p);
    return p;
}

struct parquet_docs *parquet_docs_open(int fd, const char *name, const struct input_opts *opts)
{
    struct parquet_docs *p = xcalloc(1, sizeof *p);
    struct stat st;
    *p = (struct parquet_docs){.fd = fd, .name = xstrdup(name), .opts = opts};
    if (fstat(fd, &st) != 0)
        die_errno("%s", name);
    if (!S_ISREG(st.st_mode))
        die("%s: a Parquet file is read from its end, and this is not a regular file", name);
    return open_docs(
        p, &(struct parquet_io){.read_at = parquet_read_fd, .ctx = &p->fd, .size = (uint64_t)st.st_size});
}

struct parquet_docs *parquet_docs_open_source(const struct input_source *source,
                                              const struct input_opts *opts)
{
    struct parquet_docs *p = xcalloc(1, sizeof *p);
    *p = (struct parquet_docs){.fd = -1, .name = xstrdup(source->name), .opts = opts};
    return open_docs(p, &(struct parquet_io){.read_at = source->read_at,
                                             .will_need = source->will_need,
                                             .ctx = source->arg,
                                             .size = source->size});
}

static int too_long(struct parquet_docs *p)
{
    snprintf(p->error, sizeof p->error, "row %llu: a text longer than %d MiB", (unsigned long long)p->row,
             INPUT_MAX_TEXT >> 20);
    return PARQUET_DOCS_BAD_ROW;
}

static int bad_list(struct parquet_docs *p, const char *list)
{
    snprintf(p->error, sizeof p->error, "row %llu: the columns of the list \"%.100s\" have several lengths",
             (unsigned long long)p->row, list);
    return PARQUET_DOCS_BAD_ROW;
}

/* Adds a field: of one element of its list, or the whole column. Null adds nothing. */
static void add_field(struct parquet_docs *p, const struct parquet_cell *c, size_t element, bool *any)
{
    const struct parquet_part whole = {0, c->len, c->s != NULL},
                              *part = c->n_parts > 0 ? &c->parts[element] : &whole;
    if (part->there)
        strbuf_add(&p->text, c->s + part->at, part->len);
    *any |= part->there;
}

/* Adds the parts of the template from `from` to `to`; those of a list once for each element. */
static int add_parts(struct parquet_docs *p, size_t from, size_t to, size_t element, bool *any)
{
    const struct template *t = p->template;
    int r = 1;
    for (size_t i = from; i < to && r > 0 && p->text.len <= INPUT_MAX_TEXT; i++) {
        const struct template_part *part = &t->parts[i];
        const struct parquet_cell *c = p->part_cells[i] == NONE ? NULL : &p->cells[p->part_cells[i]];
        if (part->kind == TEMPLATE_TEXT)
            strbuf_add(&p->text, part->s, part->len);
        if (part->kind == TEMPLATE_FIELD)
            add_field(p, c, element, any);
        if (part->kind != TEMPLATE_LIST)
            continue;
        for (size_t k = i + 1; k < part->end; k++)
            if (t->parts[k].kind == TEMPLATE_FIELD && p->cells[p->part_cells[k]].n_parts != c->n_parts)
                return bad_list(p, part->s);
        for (size_t k = 0; k < c->n_parts && r > 0; k++)
            r = add_parts(p, i + 1, part->end, k, any);
        i = part->end;
    }
    return r;
}

/* Joins the parts of the template. */
static int fill_template(struct parquet_docs *p, struct doc *d)
{
    const struct template *t = p->template;
    bool any = false;
    if (t->n == 1 && t->parts[0].kind == TEMPLATE_FIELD) {
        const struct parquet_cell *c = &p->cells[p->part_cells[0]];
        d->text = c->s ? c->s : "";
        d->len = c->len;
        return 1;
    }
    strbuf_reset(&p->text);
    int r = add_parts(p, 0, t->n, 0, &any);
    d->text = any ? p->text.s : "";
    d->len = any ? p->text.len : 0;
    return r;
}

static void set_id(struct parquet_docs *p, struct doc *d)
{
    const struct parquet_cell *c = p->id_cell == NONE ? NULL : &p->cells[p->id_cell];
    strbuf_reset(&p->id);
    if (c && c->s)
        strbuf_add(&p->id, c->s, c->len);
    else
        strbuf_addf(&p->id, "%s:%llu", p->name, (unsigned long long)p->row);
    d->id = p->id.s;
}

static int domain_of(const struct parquet_docs *p)
{
    char name[16];
    const struct parquet_cell *c = p->domain_cell == NONE ? NULL : &p->cells[p->domain_cell];
    if (!c || !c->s || c->len >= sizeof name)
        return DOMAIN_OTHER;
    memcpy(name, c->s, c->len);
    name[c->len] = '\0';
    int domain = domain_from_name(name);
    return domain < 0 ? DOMAIN_OTHER : domain;
}

int parquet_docs_next(struct parquet_docs *p, struct doc *d)
{
    int r = parquet_next(p->file, p->cells);
    if (r < 0)
        snprintf(p->error, sizeof p->error, "%s", parquet_error(p->file));
    if (r <= 0)
        return r < 0 ? PARQUET_DOCS_BROKEN : 0;
    p->row++;
    if ((r = fill_template(p, d)) < 0)
        return r;
    if (d->len > INPUT_MAX_TEXT)
        return too_long(p);
    set_id(p, d);
    d->domain = domain_of(p);
    return 1;
}

const char *parquet_docs_error(const struct parquet_docs *p)
{
    return p->error;
}

uint64_t parquet_docs_offset(const struct parquet_docs *p)
{
    return p->rows ? (uint64_t)((double)p->size * ((double)p->row / (double)p->rows)) : p->size;
}

void parquet_docs_close(struct parquet_docs *p)
{
    parquet_close(p->file);
    template_free(p->template);
    strbuf_free(&p->text);
    strbuf_free(&p->id);
    free(p->wants);
    free(p->cells);
    free(p->part_cells);
    free(p->name);
    if (p->fd >= 0)
        close(p->fd);
    free(p);
}
