#include "formats/parquet/parquet.h"

#include "formats/docs.h"
#include "formats/json_text.h"
#include "formats/parquet/column.h"
#include "formats/parquet/metadata.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TAIL = 8,
    FIRST_READ = 64 << 10 /* bytes read first from the file's end: they contain most footers */
};

struct parquet {
    struct shared shared;
    struct buffer end; /* the file's last bytes, with the footer */
    struct metadata metadata;
    struct buffer chunk_room;
    struct parquet_chunk *chunks; /* one per leaf of the current row group; in chunk_room */
    struct column *columns;       /* the wanted columns; owned */
    size_t n_columns;
    uint32_t group;     /* index of the next row group to begin */
    uint32_t announced; /* row groups that were already passed to will_need */
    uint64_t rows_left; /* rows left in the current row group */
    bool reading;       /* the columns are in the middle of a row group */
    int failed;         /* the code of the error that ended the reading */
};

const char *parquet_error(const struct parquet *p)
{
    return p->shared.fault.text;
}

uint64_t parquet_bytes_read(const struct parquet *p)
{
    return p->shared.bytes_read;
}

/* --- opening
 * --------------------------------------------------------------------------------------------------- */

static int read_exactly(struct parquet *p, uint64_t offset, void *to, size_t n)
{
    struct shared *s = &p->shared;
    int64_t r = s->io.read_at(s->io.ctx, offset, to, n);
    if (r < 0)
        return fault_set(&s->fault, PARQUET_ESYS, offset, "cannot read: %s", strerror((int)-r));
    if ((uint64_t)r < n)
        return fault_set(&s->fault, PARQUET_EFORMAT, offset + (uint64_t)r,
                         "the file is shorter than it was said to be");
    return 0;
}

/* Puts the last n bytes of the file into p->end. */
static int read_end(struct parquet *p, size_t n)
{
    struct shared *s = &p->shared;
    int r = buffer_reserve(&p->end, n, &s->memory);
    if (r < 0)
        return fault_memory(&s->fault, r, &s->memory, s->io.size - n, "a footer", n);
    return read_exactly(p, s->io.size - n, p->end.s, n);
}

/* Reads the last 8 bytes of the file: the footer's length and the magic number. */
static int footer_length(struct parquet *p, const uint8_t *tail, uint32_t *len)
{
    struct shared *s = &p->shared;
    uint64_t at = s->io.size - TAIL;
    memcpy(len, tail, 4);
    if (memcmp(tail + 4, "PARE", 4) == 0)
        return fault_set(&s->fault, PARQUET_EUNSUPPORTED, at + 4, "the file is encrypted");
    if (memcmp(tail + 4, "PAR1", 4) != 0)
        return fault_set(&s->fault, PARQUET_EFORMAT, at + 4,
                         "no Parquet file, or truncated: it does not end with PAR1");
    if (*len > s->io.size - TAIL - 4)
        return fault_set(&s->fault, PARQUET_EFORMAT, at,
                         "the footer is said to be %u bytes, longer than the file", *len);
    if (*len > PARQUET_MAX_FOOTER)
        return fault_set(&s->fault, PARQUET_ELIMIT, at, "a footer of %u bytes; the limit is %d MiB", *len,
                         PARQUET_MAX_FOOTER >> 20);
    return 0;
}

static int read_footer(struct parquet *p)
{
    struct shared *s = &p->shared;
    uint64_t size = s->io.size;
    uint32_t len = 0;
    if (size < TAIL + 4)
        return fault_set(&s->fault, PARQUET_EFORMAT, 0, "no Parquet file: only %llu bytes long",
                         (unsigned long long)size);
    size_t n = size < FIRST_READ ? (size_t)size : FIRST_READ;
    int r = read_end(p, n);
    if (r == 0)
        r = footer_length(p, p->end.s + n - TAIL, &len);
    if (r == 0 && len + TAIL > n) {
        n = len + TAIL;
        r = read_end(p, n);
    }
    if (r < 0)
        return r;
    return metadata_read(&p->metadata, p->end.s + n - TAIL - len, len, size - TAIL - len, &s->memory,
                         &s->fault);
}

static int open_file(struct parquet *p)
{
    struct shared *s = &p->shared;
    s->codec = codec_new();
    if (!s->codec)
        return fault_set(&s->fault, PARQUET_ENOMEM, 0, "out of memory");
    int r = read_footer(p);
    if (r < 0)
        return r;
    size_t n = p->metadata.n_leaves * sizeof *p->chunks;
    r = buffer_reserve(&p->chunk_room, n, &s->memory);
    if (r < 0)
        return fault_memory(&s->fault, r, &s->memory, p->metadata.footer_offset, "a list of columns", n);
    p->chunks = (struct parquet_chunk *)p->chunk_room.s;
    return 0;
}

int parquet_open(struct parquet **out, const struct parquet_io *io, char *err, size_t cap)
{
    *out = NULL;
    struct parquet *p = calloc(1, sizeof *p);
    if (!p) {
        snprintf(err, cap, "out of memory");
        return PARQUET_ENOMEM;
    }
    p->shared.io = *io;
    p->shared.memory.limit = PARQUET_MAX_MEMORY;
    int r = open_file(p);
    if (r < 0) {
        snprintf(err, cap, "%s", p->shared.fault.text);
        parquet_close(p);
        return r;
    }
    *out = p;
    return 0;
}

void parquet_close(struct parquet *p)
{
    if (!p)
        return;
    struct memory *m = &p->shared.memory;
    for (size_t i = 0; i < p->n_columns; i++)
        column_free(&p->columns[i]);
    free(p->columns);
    metadata_free(&p->metadata, m);
    buffer_free(&p->end, m);
    buffer_free(&p->chunk_room, m);
    buffer_free(&p->shared.stored, m);
    codec_free(p->shared.codec);
    free(p);
}

/* --- what the file says
 * ---------------------------------------------------------------------------------------- */

void parquet_info(const struct parquet *p, struct parquet_info *info)
{
    const struct metadata *m = &p->metadata;
    *info = (struct parquet_info){
        .rows = m->rows,
        .file_bytes = p->shared.io.size,
        .footer_bytes = m->footer_len,
        .n_groups = m->n_groups,
        .n_leaves = m->n_leaves,
        .n_elements = m->n_elements,
        .version = m->version,
        .created_by = m->created_by,
        .created_by_len = m->created_by_len,
    };
}

const struct parquet_element *parquet_element(const struct parquet *p, uint32_t element)
{
    return &p->metadata.elements[element];
}

const struct parquet_element *parquet_leaf(const struct parquet *p, int leaf)
{
    return &p->metadata.elements[p->metadata.leaves[leaf]];
}

/* Whether the element exists only because a list or map needs it: the repeated child of one, or that child's
 * only child, which is the list's element. */
static bool is_wrapper(const struct parquet *p, const struct parquet_element *e)
{
    const struct parquet_element *elements = p->metadata.elements;
    if (e->parent < 0)
        return false;
    const struct parquet_element *parent = &elements[e->parent];
    if (e->repetition == PARQUET_REPEATED)
        return parent->meaning == PARQUET_LIST || parent->meaning == PARQUET_MAP;
    return parent->repetition == PARQUET_REPEATED && parent->n_children == 1 && parent->parent >= 0 &&
           elements[parent->parent].meaning == PARQUET_LIST;
}

static size_t put_name(const struct parquet_element *e, char *buf, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < e->name_len && n + 5 < cap;) {
        size_t width = utf8_char(e->name + i, e->name_len - i);
        unsigned char c = (unsigned char)e->name[i];
        if (width == 0 || c < 0x20 || c == 0x7f) {
            buf[n++] = '?';
            i++;
            continue;
        }
        memcpy(buf + n, e->name + i, width);
        n += width;
        i += width;
    }
    return n;
}

void parquet_path(const struct parquet *p, const struct parquet_element *e, bool brief, char *buf, size_t cap)
{
    const struct parquet_element *chain[PARQUET_MAX_DEPTH + 1];
    size_t depth = 0, n = 0;
    for (; e->parent >= 0; e = &p->metadata.elements[e->parent])
        if (!brief || !is_wrapper(p, e))
            chain[depth++] = e;
    while (depth > 0 && n + 6 < cap) {
        n += put_name(chain[--depth], buf + n, cap - n);
        if (depth > 0)
            buf[n++] = '.';
    }
    buf[n] = '\0';
}

const struct parquet_element *parquet_list(const struct parquet *p, int leaf)
{
    const struct parquet_element *list = NULL;
    for (const struct parquet_element *e = parquet_leaf(p, leaf); e->parent >= 0;
         e = &p->metadata.elements[e->parent])
        list = e->repetition == PARQUET_REPEATED ? e : list;
    return list;
}

int parquet_find(const struct parquet *p, const char *path)
{
    char name[PARQUET_MAX_PATH];
    for (int brief = 0; brief < 2; brief++)
        for (uint32_t i = 0; i < p->metadata.n_leaves; i++) {
            parquet_path(p, parquet_leaf(p, (int)i), brief, name, sizeof name);
            if (strcmp(name, path) == 0)
                return (int)i;
        }
    return PARQUET_ENOCOLUMN;
}

int parquet_group(struct parquet *p, uint32_t group, struct parquet_group_info *info,
                  struct parquet_chunk *chunks)
{
    return metadata_group(&p->metadata, group, info, chunks, &p->shared.fault);
}

/* --- reading
 * --------------------------------------------------------------------------------------------------- */

int parquet_select(struct parquet *p, const struct parquet_want *wants, size_t n)
{
    p->columns = calloc(n ? n : 1, sizeof *p->columns);
    if (!p->columns)
        return fault_set(&p->shared.fault, PARQUET_ENOMEM, 0, "out of memory");
    for (size_t i = 0; i < n; i++) {
        char name[COLUMN_NAME];
        const struct parquet_element *e = parquet_leaf(p, wants[i].leaf);
        parquet_path(p, e, true, name, sizeof name);
        const struct parquet_element *list = wants[i].apart ? parquet_list(p, wants[i].leaf) : NULL;
        int r = column_init(&p->columns[i], &p->shared, e, list, name, wants[i].join);
        p->n_columns = i + 1;
        if (r < 0)
            return r;
    }
    return 0;
}

static int leaf_of(const struct column *c)
{
    return c->element->leaf;
}

/* Announces to the source the bytes that the row groups before `until` take. */
static int announce(struct parquet *p, uint32_t until)
{
    struct shared *s = &p->shared;
    if (until > p->metadata.n_groups)
        until = p->metadata.n_groups;
    for (; s->io.will_need && p->announced < until; p->announced++) {
        struct parquet_group_info info;
        int r = parquet_group(p, p->announced, &info, p->chunks);
        if (r < 0)
            return r;
        for (size_t i = 0; i < p->n_columns && info.rows > 0; i++) {
            const struct parquet_chunk *c = &p->chunks[leaf_of(&p->columns[i])];
            if (!c->refused)
                s->io.will_need(s->io.ctx, c->offset, c->bytes);
        }
    }
    return 0;
}

static int begin_group(struct parquet *p)
{
    struct parquet_group_info info;
    int r = announce(p, p->group + 2);
    if (r == 0)
        r = parquet_group(p, p->group, &info, p->chunks);
    if (r < 0)
        return r;
    for (size_t i = 0; i < p->n_columns && info.rows > 0; i++) {
        r = column_begin(&p->columns[i], &p->chunks[leaf_of(&p->columns[i])]);
        if (r < 0)
            return r;
    }
    p->rows_left = info.rows;
    p->reading = info.rows > 0;
    p->group++;
    return 0;
}

/* The row group's rows are read: no column may have further ones. */
static int end_group(struct parquet *p)
{
    struct parquet_cell cell;
    for (size_t i = 0; i < p->n_columns; i++) {
        struct column *c = &p->columns[i];
        int r = column_row(c, &cell);
        if (r < 0)
            return r;
        if (r > 0)
            return fault_set(&p->shared.fault, PARQUET_EFORMAT, c->chunk.said_at,
                             "column %s has more rows than its row group", c->name);
    }
    return 0;
}

static int read_row(struct parquet *p, struct parquet_cell *cells)
{
    while (p->rows_left == 0) {
        int r = p->reading ? end_group(p) : 0;
        p->reading = false;
        if (r < 0 || p->group == p->metadata.n_groups)
            return r;
        r = begin_group(p);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < p->n_columns; i++) {
        struct column *c = &p->columns[i];
        int r = column_row(c, &cells[i]);
        if (r < 0)
            return r;
        if (r == 0)
            return fault_set(&p->shared.fault, PARQUET_EFORMAT, c->chunk.said_at,
                             "column %s ends %llu rows before its row group", c->name,
                             (unsigned long long)p->rows_left);
    }
    p->rows_left--;
    return 1;
}

int parquet_next(struct parquet *p, struct parquet_cell *cells)
{
    if (p->failed)
        return p->failed;
    int r = read_row(p, cells);
    if (r < 0)
        p->failed = r;
    return r;
}
