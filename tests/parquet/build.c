#include "tests/parquet/parquet.h"

#include <string.h>

const struct claims truth = {
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

struct bytes build(const struct claims *c, const char *levels, size_t n_levels, const char *values, size_t n)
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
