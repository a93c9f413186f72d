#include "formats/parquet/text.h"

#include <stdio.h>
#include <string.h>

const char *parquet_type_name(const struct parquet_element *e)
{
    static const char *const names[] = {
        "BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY",
    };
    return e->type == PARQUET_GROUP ? "group" : names[e->type];
}

const char *parquet_meaning_name(enum parquet_meaning m)
{
    static const char *const names[] = {
        "",     "STRING",    "UNSIGNED", "LIST", "MAP",  "DECIMAL", "DATE",
        "TIME", "TIMESTAMP", "INTERVAL", "BSON", "UUID", "FLOAT16", "unknown to this reader",
    };
    return names[m];
}

const char *text_refused(const struct parquet_element *e)
{
    if (e->type == PARQUET_INT96)
        return "its type INT96 is neither text nor a number";
    switch (e->meaning) {
    case PARQUET_PLAIN_VALUE:
    case PARQUET_STRING:
    case PARQUET_UNSIGNED:
    case PARQUET_LIST: /* a leaf with this meaning holds no list */
    case PARQUET_MAP:
        return NULL;
    case PARQUET_DECIMAL:
        return "its type DECIMAL is not made text";
    case PARQUET_DATE:
    case PARQUET_TIME:
    case PARQUET_TIMESTAMP:
    case PARQUET_INTERVAL:
        return "dates and times are not made text";
    default:
        return "its type is neither text nor a number";
    }
}

const char *text_of_value(const struct parquet_element *e, const uint8_t *s, size_t *len,
                          char room[REAL_TEXT])
{
    int32_t i32 = 0;
    int64_t i64 = 0;
    float f32 = 0;
    double f64 = 0;
    int n;
    switch (e->type) {
    case PARQUET_BOOLEAN:
        n = snprintf(room, REAL_TEXT, "%s", *s ? "true" : "false");
        break;
    case PARQUET_INT32:
        memcpy(&i32, s, sizeof i32);
        n = e->meaning == PARQUET_UNSIGNED ? snprintf(room, REAL_TEXT, "%u", (uint32_t)i32)
                                           : snprintf(room, REAL_TEXT, "%d", i32);
        break;
    case PARQUET_INT64:
        memcpy(&i64, s, sizeof i64);
        n = e->meaning == PARQUET_UNSIGNED ? snprintf(room, REAL_TEXT, "%llu", (unsigned long long)i64)
                                           : snprintf(room, REAL_TEXT, "%lld", (long long)i64);
        break;
    case PARQUET_FLOAT:
        memcpy(&f32, s, sizeof f32);
        n = real_text(f32, true, room);
        break;
    case PARQUET_DOUBLE:
        memcpy(&f64, s, sizeof f64);
        n = real_text(f64, false, room);
        break;
    default:
        return (const char *)s;
    }
    *len = (size_t)n;
    return room;
}
