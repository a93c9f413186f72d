#include "formats/parquet/thrift.h"

struct thrift thrift_over(const uint8_t *bytes, size_t n, uint64_t offset)
{
    return (struct thrift){.start = bytes, .at = bytes, .end = bytes + n, .offset = offset};
}

uint64_t thrift_offset(const struct thrift *t)
{
    return t->offset + (uint64_t)(t->at - t->start);
}

void thrift_fail(struct thrift *t, const char *why)
{
    if (!t->why)
        t->why = why;
}

/* Returns the next n bytes, or NULL. */
static const uint8_t *take(struct thrift *t, size_t n)
{
    if (t->why)
        return NULL;
    if ((size_t)(t->end - t->at) < n) {
        thrift_fail(t, "the metadata ends within a value");
        t->cut = true;
        return NULL;
    }
    t->at += n;
    return t->at - n;
}

static uint8_t take_byte(struct thrift *t)
{
    const uint8_t *p = take(t, 1);
    return p ? *p : 0;
}

size_t varint_read(const uint8_t *at, const uint8_t *end, uint64_t *out)
{
    uint64_t v = 0;
    for (size_t i = 0; i < 10 && at + i < end; i++) {
        if (i == 9 && at[i] > 1)
            return 0;
        v |= (uint64_t)(at[i] & 0x7f) << (7 * i);
        if (at[i] < 0x80) {
            *out = v;
            return i + 1;
        }
    }
    return 0;
}

int64_t zigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static uint64_t take_varint(struct thrift *t)
{
    uint64_t v = 0;
    if (t->why)
        return 0;
    size_t n = varint_read(t->at, t->end, &v);
    t->at += n;
    if (n == 0) {
        t->cut = t->end - t->at < 10;
        thrift_fail(t, t->cut ? "the metadata ends within a number"
                              : "a number in the metadata has more than 64 bits");
    }
    return v;
}

bool thrift_field(struct thrift *t, struct thrift_field *f)
{
    uint8_t b = take_byte(t);
    if (t->why || b == THRIFT_STOP)
        return false;
    f->type = b & 15;
    int64_t id = b >> 4 ? f->id + (b >> 4) : zigzag(take_varint(t));
    if (f->type == THRIFT_STOP || f->type > THRIFT_UUID || id < INT16_MIN || id > INT16_MAX)
        thrift_fail(t, "the metadata is not Thrift: no such field type or number");
    f->id = (int32_t)id;
    return !t->why;
}

static bool is_type(struct thrift *t, const struct thrift_field *f, enum thrift_type type)
{
    if (f->type != type)
        thrift_fail(t, "a field of the metadata has an unexpected type");
    return !t->why;
}

bool thrift_bool(struct thrift *t, const struct thrift_field *f)
{
    if (f->type != THRIFT_TRUE)
        is_type(t, f, THRIFT_FALSE);
    return f->type == THRIFT_TRUE;
}

int8_t thrift_i8(struct thrift *t, const struct thrift_field *f)
{
    return is_type(t, f, THRIFT_BYTE) ? (int8_t)take_byte(t) : 0;
}

int32_t thrift_i32_element(struct thrift *t)
{
    int64_t v = zigzag(take_varint(t));
    if (v < INT32_MIN || v > INT32_MAX)
        thrift_fail(t, "a number in the metadata has more than 32 bits");
    return t->why ? 0 : (int32_t)v;
}

int32_t thrift_i32(struct thrift *t, const struct thrift_field *f)
{
    return is_type(t, f, THRIFT_I32) ? thrift_i32_element(t) : 0;
}

int64_t thrift_i64(struct thrift *t, const struct thrift_field *f)
{
    return is_type(t, f, THRIFT_I64) ? zigzag(take_varint(t)) : 0;
}

static const uint8_t *take_binary(struct thrift *t, size_t *len)
{
    uint64_t n = take_varint(t);
    const uint8_t *p = take(t, n);
    *len = p ? (size_t)n : 0;
    return p;
}

const char *thrift_binary(struct thrift *t, const struct thrift_field *f, size_t *len)
{
    *len = 0;
    return is_type(t, f, THRIFT_BINARY) ? (const char *)take_binary(t, len) : NULL;
}

/* Every element takes at least one byte, which bounds the number of elements. */
static size_t take_list(struct thrift *t, enum thrift_type *element)
{
    uint8_t b = take_byte(t);
    uint64_t n = b >> 4 == 15 ? take_varint(t) : b >> 4;
    *element = b & 15;
    if (t->why)
        return 0;
    if (n > (uint64_t)(t->end - t->at)) {
        t->cut = true;
        thrift_fail(t, "a list in the metadata has more elements than there are bytes");
        return 0;
    }
    return (size_t)n;
}

static size_t take_list_of(struct thrift *t, const struct thrift_field *f, enum thrift_type want)
{
    enum thrift_type element;
    size_t n = is_type(t, f, THRIFT_LIST) ? take_list(t, &element) : 0;
    if (n > 0 && element != want)
        thrift_fail(t, "a list of the metadata has elements of an unexpected type");
    return t->why ? 0 : n;
}

size_t thrift_structs(struct thrift *t, const struct thrift_field *f)
{
    return take_list_of(t, f, THRIFT_STRUCT);
}

size_t thrift_i32_list(struct thrift *t, const struct thrift_field *f)
{
    return take_list_of(t, f, THRIFT_I32);
}

bool thrift_is_struct(struct thrift *t, const struct thrift_field *f)
{
    return is_type(t, f, THRIFT_STRUCT);
}

static void skip(struct thrift *t, enum thrift_type type, unsigned depth);

static void skip_elements(struct thrift *t, enum thrift_type type, size_t n, unsigned depth)
{
    for (size_t i = 0; i < n && !t->why; i++) {
        if (type == THRIFT_TRUE || type == THRIFT_FALSE)
            take(t, 1); /* only in a struct's field is a boolean part of the header */
        else
            skip(t, type, depth);
    }
}

static void skip_map(struct thrift *t, unsigned depth)
{
    uint64_t n = take_varint(t);
    if (n == 0 || t->why)
        return;
    uint8_t types = take_byte(t);
    for (uint64_t i = 0; i < n && !t->why; i++) {
        skip_elements(t, types >> 4, 1, depth);
        skip_elements(t, types & 15, 1, depth);
    }
}

static void skip(struct thrift *t, enum thrift_type type, unsigned depth)
{
    size_t n;
    enum thrift_type element;
    if (depth > THRIFT_MAX_DEPTH)
        thrift_fail(t, "the metadata is nested too deeply");
    if (t->why)
        return;
    switch (type) {
    case THRIFT_TRUE:
    case THRIFT_FALSE:
        break;
    case THRIFT_BYTE:
        take(t, 1);
        break;
    case THRIFT_I16:
    case THRIFT_I32:
    case THRIFT_I64:
        take_varint(t);
        break;
    case THRIFT_DOUBLE:
        take(t, 8);
        break;
    case THRIFT_UUID:
        take(t, 16);
        break;
    case THRIFT_BINARY:
        take_binary(t, &n);
        break;
    case THRIFT_LIST:
    case THRIFT_SET:
        n = take_list(t, &element);
        skip_elements(t, element, n, depth + 1);
        break;
    case THRIFT_MAP:
        skip_map(t, depth + 1);
        break;
    case THRIFT_STRUCT:
        for (struct thrift_field f = {0}; thrift_field(t, &f);)
            skip(t, f.type, depth + 1);
        break;
    default:
        thrift_fail(t, "the metadata is not Thrift: no such type");
    }
}

void thrift_skip(struct thrift *t, const struct thrift_field *f)
{
    skip(t, f->type, 1);
}

void thrift_skip_struct(struct thrift *t)
{
    skip(t, THRIFT_STRUCT, 1);
}
