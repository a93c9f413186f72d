/*
 * thrift.h - reads Thrift's compact protocol, the encoding of Parquet's footer and page headers, from memory
 *
 *   struct thrift t = thrift_over(bytes, n, offset_in_file);
 *   for (struct thrift_field f = {0}; thrift_field(&t, &f);)
 *       switch (f.id) {
 *       case 1:  version = thrift_i32(&t, &f); break;
 *       default: thrift_skip(&t, &f);
 *       }
 *   if (t.why) ... at file offset thrift_offset(&t)
 *
 * An error stays: after it every function returns 0 and every loop ends. Nothing is allocated, counts are
 * checked against the bytes that are left, and time is linear in the bytes.
 */
#ifndef PARQUET_THRIFT_H
#define PARQUET_THRIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum thrift_type {
    THRIFT_STOP,
    THRIFT_TRUE,
    THRIFT_FALSE,
    THRIFT_BYTE,
    THRIFT_I16,
    THRIFT_I32,
    THRIFT_I64,
    THRIFT_DOUBLE,
    THRIFT_BINARY,
    THRIFT_LIST,
    THRIFT_SET,
    THRIFT_MAP,
    THRIFT_STRUCT,
    THRIFT_UUID,
};

enum { THRIFT_MAX_DEPTH = 32 };

struct thrift {
    const uint8_t *start, *at, *end;
    uint64_t offset; /* offset of start in the file */
    const char *why; /* NULL: no error so far */
    bool cut;        /* the error is that the bytes end too early */
};

/* One field of a struct; begins as {0}. */
struct thrift_field {
    int32_t id;
    enum thrift_type type;
};

struct thrift thrift_over(const uint8_t *bytes, size_t n, uint64_t offset);
uint64_t thrift_offset(const struct thrift *t);

/* Returns false at the end of the struct and after an error. */
bool thrift_field(struct thrift *t, struct thrift_field *f);
/* Return the field's value; it is an error when its type is another one. */
bool thrift_bool(struct thrift *t, const struct thrift_field *f);
int8_t thrift_i8(struct thrift *t, const struct thrift_field *f);
int32_t thrift_i32(struct thrift *t, const struct thrift_field *f);
int64_t thrift_i64(struct thrift *t, const struct thrift_field *f);
const char *thrift_binary(struct thrift *t, const struct thrift_field *f,
                          size_t *len); /* NULL after an error */
/* Return the number of elements of a list, which the caller reads or skips next. */
size_t thrift_structs(struct thrift *t, const struct thrift_field *f);
size_t thrift_i32_list(struct thrift *t, const struct thrift_field *f);
int32_t thrift_i32_element(struct thrift *t);
bool thrift_is_struct(struct thrift *t, const struct thrift_field *f);
void thrift_skip(struct thrift *t, const struct thrift_field *f);
void thrift_skip_struct(struct thrift *t); /* one element of a list */
void thrift_fail(struct thrift *t, const char *why);

/* Reads an unsigned number in groups of 7 bits, lowest first. Returns the bytes it takes; 0: it does not end,
 * or has more than 64 bits. */
size_t varint_read(const uint8_t *at, const uint8_t *end, uint64_t *out);
int64_t zigzag(uint64_t v);

#endif
