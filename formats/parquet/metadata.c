#include "formats/parquet/metadata.h"

#include "formats/parquet/thrift.h"

#include <string.h>

/* --- the schema
 * ------------------------------------------------------------------------------------------------ */

static enum parquet_meaning meaning_of_converted(int type)
{
    static const enum parquet_meaning meanings[] = {
        PARQUET_STRING,      PARQUET_MAP,         PARQUET_PLAIN_VALUE, PARQUET_LIST,        PARQUET_STRING,
        PARQUET_DECIMAL,     PARQUET_DATE,        PARQUET_TIME,        PARQUET_TIME,        PARQUET_TIMESTAMP,
        PARQUET_TIMESTAMP,   PARQUET_UNSIGNED,    PARQUET_UNSIGNED,    PARQUET_UNSIGNED,    PARQUET_UNSIGNED,
        PARQUET_PLAIN_VALUE, PARQUET_PLAIN_VALUE, PARQUET_PLAIN_VALUE, PARQUET_PLAIN_VALUE, PARQUET_STRING,
        PARQUET_BSON,        PARQUET_INTERVAL,
    };
    return type >= 0 && type < (int)(sizeof meanings / sizeof *meanings) ? meanings[type] : PARQUET_OTHER;
}

/* Reads INTEGER{1: bit width, 2: is signed}. */
static enum parquet_meaning read_integer(struct thrift *t)
{
    bool is_signed = true;
    for (struct thrift_field f = {0}; thrift_field(t, &f);) {
        if (f.id == 2)
            is_signed = thrift_bool(t, &f);
        else
            thrift_skip(t, &f);
    }
    return is_signed ? PARQUET_PLAIN_VALUE : PARQUET_UNSIGNED;
}

/* Reads the union LogicalType: the id of its only field is the type. */
static enum parquet_meaning read_logical(struct thrift *t)
{
    static const enum parquet_meaning meanings[] = {
        PARQUET_OTHER,     PARQUET_STRING,  PARQUET_MAP,   PARQUET_LIST,
        PARQUET_STRING,    PARQUET_DECIMAL, PARQUET_DATE,  PARQUET_TIME,
        PARQUET_TIMESTAMP, PARQUET_OTHER,   PARQUET_OTHER, PARQUET_PLAIN_VALUE,
        PARQUET_STRING,    PARQUET_BSON,    PARQUET_UUID,  PARQUET_FLOAT16,
    };
    enum parquet_meaning m = PARQUET_OTHER;
    for (struct thrift_field f = {0}; thrift_field(t, &f);) {
        if (f.id > 0 && f.id < (int)(sizeof meanings / sizeof *meanings))
            m = meanings[f.id];
        if (f.id == 10 && thrift_is_struct(t, &f))
            m = read_integer(t);
        else
            thrift_skip(t, &f);
    }
    return m;
}

static void read_element(struct thrift *t, struct parquet_element *e)
{
    enum parquet_meaning logical = PARQUET_PLAIN_VALUE;
    bool has_logical = false;
    *e = (struct parquet_element){.type = PARQUET_GROUP, .parent = -1, .leaf = -1};
    for (struct thrift_field f = {0}; thrift_field(t, &f);) {
        switch (f.id) {
        case 1:
            e->type = (enum parquet_type)thrift_i32(t, &f);
            if (e->type < PARQUET_BOOLEAN || e->type > PARQUET_FIXED)
                thrift_fail(t, "the schema has a type that does not exist");
            break;
        case 2:
            e->type_length = thrift_i32(t, &f);
            break;
        case 3:
            e->repetition = (enum parquet_repetition)thrift_i32(t, &f);
            if ((unsigned)e->repetition > PARQUET_REPEATED)
                thrift_fail(t, "the schema has a repetition that does not exist");
            break;
        case 4:
            e->name = thrift_binary(t, &f, &e->name_len);
            break;
        case 5:
            e->n_children = thrift_i32(t, &f);
            break;
        case 6:
            e->meaning = meaning_of_converted(thrift_i32(t, &f));
            break;
        case 10:
            has_logical = thrift_is_struct(t, &f);
            if (has_logical)
                logical = read_logical(t);
            break;
        default:
            thrift_skip(t, &f);
        }
    }
    if (has_logical)
        e->meaning = logical;
    if (!t->why && !e->name)
        thrift_fail(t, "the schema has a column without a name");
    if (e->n_children < 0 || (e->type != PARQUET_GROUP && e->n_children > 0))
        thrift_fail(t, "the schema has an impossible number of children");
    if (e->type == PARQUET_FIXED && e->type_length <= 0)
        thrift_fail(t, "the schema has a fixed-length column without a length");
}

/* Elements come depth first: each is a child of the innermost group that still lacks children. */
struct open_groups {
    int element[PARQUET_MAX_DEPTH], missing[PARQUET_MAX_DEPTH];
    int n;
};

static void place_element(struct thrift *t, struct metadata *m, uint32_t i, struct open_groups *g)
{
    struct parquet_element *e = &m->elements[i];
    while (g->n > 0 && g->missing[g->n - 1] == 0)
        g->n--;
    if (i > 0 && g->n == 0) {
        thrift_fail(t, "the schema has more elements than its groups have children");
        return;
    }
    if (i > 0) {
        e->parent = g->element[g->n - 1];
        g->missing[g->n - 1]--;
        const struct parquet_element *parent = &m->elements[e->parent];
        e->max_def = parent->max_def + (e->repetition != PARQUET_REQUIRED);
        e->max_rep = parent->max_rep + (e->repetition == PARQUET_REPEATED);
    }
    e->depth = g->n;
    if (e->type != PARQUET_GROUP) {
        e->leaf = (int)m->n_leaves;
        m->leaves[m->n_leaves++] = i;
    } else if (g->n == PARQUET_MAX_DEPTH) {
        thrift_fail(t, "the schema is nested too deeply");
    } else {
        g->element[g->n] = (int)i;
        g->missing[g->n++] = e->n_children;
    }
}

/* Reports an error of the thrift reader as a fault of the file. */
static int thrift_fault(const struct thrift *t, struct fault *fault)
{
    return fault_set(fault, PARQUET_EFORMAT, thrift_offset(t), "%s", t->why);
}

static int reserve(struct buffer *b, size_t n, size_t size, const char *what, const struct thrift *t,
                   struct memory *memory, struct fault *fault)
{
    int r = buffer_reserve(b, n * size, memory);
    return r < 0 ? fault_memory(fault, r, memory, thrift_offset(t), what, n * size) : 0;
}

static int read_schema(struct metadata *m, struct thrift *t, const struct thrift_field *f,
                       struct memory *memory, struct fault *fault)
{
    size_t n = thrift_structs(t, f);
    if (m->elements)
        thrift_fail(t, "the footer has two schemas");
    if (n > PARQUET_MAX_ELEMENTS)
        thrift_fail(t, "the schema has more than 65536 elements");
    if (t->why)
        return thrift_fault(t, fault);
    int r = reserve(&m->element_room, n, sizeof *m->elements, "a schema", t, memory, fault);
    if (r == 0)
        r = reserve(&m->leaf_room, n, sizeof *m->leaves, "a schema", t, memory, fault);
    if (r < 0)
        return r;
    m->elements = (struct parquet_element *)m->element_room.s;
    m->leaves = (uint32_t *)m->leaf_room.s;
    struct open_groups groups = {0};
    for (m->n_elements = 0; m->n_elements < n && !t->why; m->n_elements++) {
        read_element(t, &m->elements[m->n_elements]);
        if (!t->why)
            place_element(t, m, m->n_elements, &groups);
    }
    for (int i = 0; i < groups.n; i++)
        if (groups.missing[i] > 0)
            thrift_fail(t, "the schema ends before all its groups have their children");
    return t->why ? thrift_fault(t, fault) : 0;
}

/* --- row groups
 * ------------------------------------------------------------------------------------------------ */

static uint64_t read_count(struct thrift *t, const struct thrift_field *f)
{
    int64_t v = thrift_i64(t, f);
    if (v < 0)
        thrift_fail(t, "a size or count in the metadata is negative");
    return t->why ? 0 : (uint64_t)v;
}

struct chunk_places {
    uint64_t data, dictionary; /* offsets of the first pages; 0: not given */
    int type;
};

static uint32_t read_encodings(struct thrift *t, const struct thrift_field *f)
{
    uint32_t set = 0;
    size_t n = thrift_i32_list(t, f);
    for (size_t i = 0; i < n && !t->why; i++) {
        int32_t e = thrift_i32_element(t);
        if (e >= 0 && e < 32)
            set |= 1u << e;
    }
    return set;
}

static void read_column_metadata(struct thrift *t, struct parquet_chunk *c, struct chunk_places *at)
{
    for (struct thrift_field f = {0}; thrift_field(t, &f);) {
        switch (f.id) {
        case 1:
            at->type = thrift_i32(t, &f);
            break;
        case 2:
            c->encodings = read_encodings(t, &f);
            break;
        case 4:
            c->codec = thrift_i32(t, &f);
            break;
        case 5:
            c->values = read_count(t, &f);
            break;
        case 6:
            c->uncompressed = read_count(t, &f);
            break;
        case 7:
            c->bytes = read_count(t, &f);
            break;
        case 9:
            at->data = read_count(t, &f);
            break;
        case 11:
            at->dictionary = read_count(t, &f);
            break;
        default:
            thrift_skip(t, &f);
        }
    }
}

static void read_chunk(struct thrift *t, struct parquet_chunk *c, struct chunk_places *at)
{
    bool described = false;
    *c = (struct parquet_chunk){.said_at = thrift_offset(t)};
    *at = (struct chunk_places){.type = -1};
    for (struct thrift_field f = {0}; thrift_field(t, &f);) {
        size_t len;
        if (f.id == 3 && thrift_is_struct(t, &f)) {
            read_column_metadata(t, c, at);
            described = true;
        } else if (f.id == 1) {
            thrift_binary(t, &f, &len);
            if (len > 0)
                c->refused = "its data are in another file";
        } else {
            if (f.id == 8)
                c->refused = "it is encrypted";
            thrift_skip(t, &f);
        }
    }
    if (!described && !c->refused)
        c->refused = "it is not described";
    c->has_dictionary = at->dictionary > 0 && at->dictionary < at->data;
    c->offset = c->has_dictionary ? at->dictionary : at->data;
}

/* Whether the pages lie between the magic number and the footer. */
static void check_chunk(const struct metadata *m, int leaf, struct parquet_chunk *c,
                        const struct chunk_places *at)
{
    if (c->refused)
        return;
    if (at->type != (int)m->elements[m->leaves[leaf]].type)
        c->refused = "its type is not that of the schema";
    else if (c->offset < 4 || c->offset > m->footer_offset || c->bytes > m->footer_offset - c->offset)
        c->refused = "its pages lie outside the file's data";
}

static int read_group(const struct metadata *m, struct thrift *t, struct parquet_group_info *info,
                      struct parquet_chunk *chunks)
{
    size_t n_chunks = 0;
    *info = (struct parquet_group_info){0};
    for (struct thrift_field f = {0}; thrift_field(t, &f);) {
        switch (f.id) {
        case 1:
            n_chunks = thrift_structs(t, &f);
            if (n_chunks != m->n_leaves)
                thrift_fail(t, "a row group has not as many columns as the schema");
            for (size_t i = 0; i < n_chunks && !t->why; i++) {
                struct parquet_chunk one;
                struct chunk_places at;
                read_chunk(t, &one, &at);
                check_chunk(m, (int)i, &one, &at);
                if (chunks)
                    chunks[i] = one;
            }
            break;
        case 2:
            info->bytes = read_count(t, &f);
            break;
        case 3:
            info->rows = read_count(t, &f);
            break;
        default:
            thrift_skip(t, &f);
        }
    }
    if (n_chunks != m->n_leaves)
        thrift_fail(t, "a row group has not as many columns as the schema");
    return t->why ? -1 : 0;
}

int metadata_group(const struct metadata *m, uint32_t group, struct parquet_group_info *info,
                   struct parquet_chunk *chunks, struct fault *fault)
{
    uint32_t at = m->groups[group];
    struct thrift t = thrift_over(m->footer + at, m->footer_len - at, m->footer_offset + at);
    return read_group(m, &t, info, chunks) < 0 ? thrift_fault(&t, fault) : 0;
}

/* --- the footer
 * ------------------------------------------------------------------------------------------------ */

static int index_groups(struct metadata *m, struct thrift *t, const struct thrift_field *f,
                        struct memory *memory, struct fault *fault)
{
    size_t n = thrift_structs(t, f);
    if (m->groups)
        thrift_fail(t, "the footer has two lists of row groups");
    if (n > PARQUET_MAX_GROUPS)
        thrift_fail(t, "the footer has more than 1048576 row groups");
    if (t->why)
        return thrift_fault(t, fault);
    int r = reserve(&m->group_room, n, sizeof *m->groups, "a list of row groups", t, memory, fault);
    if (r < 0)
        return r;
    m->groups = (uint32_t *)m->group_room.s;
    for (m->n_groups = 0; m->n_groups < n && !t->why; m->n_groups++) {
        m->groups[m->n_groups] = (uint32_t)(t->at - t->start);
        thrift_skip_struct(t);
    }
    return t->why ? thrift_fault(t, fault) : 0;
}

/* Checks all row groups, now that the schema is known wherever it stood in the footer. */
static int check_groups(const struct metadata *m, struct fault *fault)
{
    uint64_t rows = 0;
    for (uint32_t i = 0; i < m->n_groups; i++) {
        struct parquet_group_info g;
        int r = metadata_group(m, i, &g, NULL, fault);
        if (r < 0)
            return r;
        if (__builtin_add_overflow(rows, g.rows, &rows) || rows > m->rows)
            break;
    }
    if (rows != m->rows)
        return fault_set(fault, PARQUET_EFORMAT, m->footer_offset,
                         "the file says it has %llu rows, its row groups have %s",
                         (unsigned long long)m->rows, rows > m->rows ? "more" : "fewer");
    return 0;
}

static int read_file_metadata(struct metadata *m, struct thrift *t, struct memory *memory,
                              struct fault *fault)
{
    int r = 0;
    for (struct thrift_field f = {0}; r == 0 && thrift_field(t, &f);) {
        switch (f.id) {
        case 1:
            m->version = thrift_i32(t, &f);
            break;
        case 2:
            r = read_schema(m, t, &f, memory, fault);
            break;
        case 3:
            m->rows = read_count(t, &f);
            break;
        case 4:
            r = index_groups(m, t, &f, memory, fault);
            break;
        case 6:
            m->created_by = thrift_binary(t, &f, &m->created_by_len);
            break;
        default:
            thrift_skip(t, &f);
        }
    }
    if (r == 0 && t->why)
        r = thrift_fault(t, fault);
    return r;
}

int metadata_read(struct metadata *m, const uint8_t *footer, size_t n, uint64_t offset, struct memory *memory,
                  struct fault *fault)
{
    *m = (struct metadata){.footer = footer, .footer_len = n, .footer_offset = offset};
    struct thrift t = thrift_over(footer, n, offset);
    int r = read_file_metadata(m, &t, memory, fault);
    if (r == 0 && m->n_elements == 0)
        r = fault_set(fault, PARQUET_EFORMAT, offset, "the footer has no schema");
    if (r == 0)
        r = check_groups(m, fault);
    if (r < 0)
        metadata_free(m, memory);
    return r;
}

void metadata_free(struct metadata *m, struct memory *memory)
{
    buffer_free(&m->element_room, memory);
    buffer_free(&m->leaf_room, memory);
    buffer_free(&m->group_room, memory);
    *m = (struct metadata){0};
}
