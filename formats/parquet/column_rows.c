/*
 * column_rows.c - one text a row, out of the values and levels of a column's pages
 */
#include <string.h>

#include "formats/parquet/column.h"

static int next_level(struct column *c, struct levels *l, int max, uint32_t *out)
{
    if (l->at == l->n) {
        uint32_t want = c->page_left < LEVELS_BATCH ? c->page_left : LEVELS_BATCH;
        l->at = 0;
        l->n = (unsigned)rle_read(&l->rle, l->batch, want);
        if (l->n == 0)
            return column_fail(c, PARQUET_EFORMAT, "the levels end before the page's last value");
    }
    *out = l->batch[l->at++];
    return *out <= (uint32_t)max
               ? 0
               : column_fail(c, PARQUET_EFORMAT, "a level above the greatest of the column");
}

/* Whether the next entry belongs to the same row as the last. Returns 1, 0, or an error. */
static int same_row(struct column *c)
{
    if (!c->peeked) {
        int r = column_next_page(c);
        if (r <= 0)
            return r;
        r = next_level(c, &c->rep, c->element->max_rep, &c->next_rep);
        if (r < 0)
            return r;
        c->peeked = true;
    }
    return c->next_rep > 0;
}

/* Reads the next entry's value; s is NULL where it has none. *def is its definition level. */
static int next_value(struct column *c, struct parquet_cell *cell, uint32_t *def)
{
    const uint8_t *s;
    *cell = (struct parquet_cell){0};
    *def = 0;
    c->peeked = false;
    if (c->element->max_def > 0 && next_level(c, &c->def, c->element->max_def, def) < 0)
        return PARQUET_EFORMAT;
    c->page_left--;
    if (*def < (uint32_t)c->element->max_def)
        return 0;
    int r = values_next(&c->values, &s, &cell->len);
    if (r < 0)
        return column_fail(c, r, c->values.why);
    cell->s = text_of_value(c->element, s, &cell->len, c->number);
    return 0;
}

/* Begins a part of the row's text; one part is the whole row unless elements are kept apart. */
static int begin_part(struct column *c)
{
    size_t n = (c->n_parts + 1) * sizeof(struct parquet_part);
    int r = buffer_grow(&c->parts, n, &c->shared->memory);
    if (r < 0)
        return column_no_room(c, r, "a list's elements", n);
    ((struct parquet_part *)c->parts.s)[c->n_parts++] = (struct parquet_part){.at = c->joined_n};
    return 0;
}

/* Adds a value to the last part. */
static int join_value(struct column *c, const struct parquet_cell *value)
{
    if (c->n_parts == 0)
        return column_fail(c, PARQUET_EFORMAT, "a list goes on before it has an element");
    struct parquet_part *part = (struct parquet_part *)c->parts.s + c->n_parts - 1;
    size_t between = part->there ? strlen(c->join) : 0;
    int r = buffer_grow(&c->joined, c->joined_n + between + value->len, &c->shared->memory);
    if (r < 0)
        return column_no_room(c, r, "a list's text", c->joined_n + between + value->len);
    if (between > 0)
        memcpy(c->joined.s + c->joined_n, c->join, between);
    if (value->len > 0)
        memcpy(c->joined.s + c->joined_n + between, value->s, value->len);
    c->joined_n += between + value->len;
    part->len += between + value->len;
    part->there = true;
    return 0;
}

/* Reads one entry of a row, first: the one that begins it. An entry begins an element of the list where it
 * repeats nothing within one; a list that is empty has an entry, too, which ends above its elements. */
static int next_entry(struct column *c, bool first, bool *any)
{
    struct parquet_cell value;
    uint32_t def, rep = first ? 0 : c->next_rep;
    int r = next_value(c, &value, &def);
    bool begins = c->list ? rep <= 1 && def >= (uint32_t)c->list->max_def : first;
    if (r == 0 && begins)
        r = begin_part(c);
    if (r == 0 && value.s)
        r = join_value(c, &value);
    *any |= value.s != NULL;
    return r;
}

/* Joins the entries of a row: all up to the next entry with repetition level 0. */
static int list_row(struct column *c, struct parquet_cell *cell)
{
    bool any = false;
    uint32_t entries = 0;
    int r = same_row(c);
    if (r > 0)
        return column_fail(c, PARQUET_EFORMAT, "a list goes on where a row must begin");
    if (r < 0 || !c->peeked)
        return r;
    c->joined_n = c->n_parts = 0;
    do {
        if (++entries > PARQUET_MAX_LIST)
            return column_fail(c, PARQUET_ELIMIT, "a list of more than 1048576 entries");
        r = next_entry(c, entries == 1, &any);
        if (r == 0)
            r = same_row(c);
    } while (r > 0);
    if (r < 0)
        return r;
    *cell = (struct parquet_cell){.s = any ? (const char *)c->joined.s : NULL, .len = c->joined_n};
    if (c->list) {
        cell->parts = (const struct parquet_part *)c->parts.s;
        cell->n_parts = c->n_parts;
    }
    return 1;
}

int column_row(struct column *c, struct parquet_cell *cell)
{
    if (c->element->max_rep > 0)
        return list_row(c, cell);
    uint32_t def;
    int r = column_next_page(c);
    if (r <= 0)
        return r;
    r = next_value(c, cell, &def);
    return r < 0 ? r : 1;
}
