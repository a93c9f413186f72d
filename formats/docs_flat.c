#include "formats/docs_flat.h"

#include "formats/docs.h"
#include "formats/json_string.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DIGITS = 18 }; /* any number of so many digits fits into 64 bits */

static bool take_integer(struct json_cursor *c, struct flat_field *f)
{
    const char *start = c->at, *digits = start + (*start == '-');
    for (c->at = digits; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
        ;
    size_t n = (size_t)(c->at - digits);
    if (n == 0 || n > MAX_DIGITS ||
        *digits == '0') /* zero needs rules of its own: 0, -0 and 0.5 are valid, 01 is not */
        return false;
    if (c->at < c->end && (*c->at == '.' || *c->at == 'e' || *c->at == 'E'))
        return false;
    f->kind = FLAT_INTEGER;
    f->s = c->out;
    f->len = (size_t)(c->at - start);
    memcpy(c->out, start, f->len);
    c->out += f->len;
    *c->out++ = '\0';
    return true;
}

static bool take_value(struct json_cursor *c, struct flat_field *f)
{
    json_skip_space(c);
    if (c->at == c->end)
        return false;
    if (*c->at == '"') {
        f->kind = FLAT_STRING;
        return json_take_string(c, &f->s, &f->len);
    }
    if (c->end - c->at >= 4 && memcmp(c->at, "null", 4) == 0) {
        c->at += 4;
        f->kind = FLAT_NULL;
        return true;
    }
    return take_integer(c, f);
}

/* Keys are short and plain: ASCII without escapes. */
static bool take_key(struct json_cursor *c, struct flat_field *f)
{
    if (!json_take(c, '"'))
        return false;
    f->key = c->at;
    while (c->at < c->end && *c->at != '"' && *c->at != '\\' && *c->at >= 0x20)
        c->at++;
    f->key_len = (size_t)(c->at - f->key);
    return c->at < c->end && *c->at++ == '"' && json_take(c, ':');
}

static bool key_is(const struct flat_field *f, const char *key, size_t len)
{
    return f->key_len == len && memcmp(f->key, key, len) == 0;
}

static bool take_field(struct flat_object *f, struct json_cursor *c)
{
    if (f->n == FLAT_MAX_FIELDS)
        return false;
    struct flat_field *field = &f->fields[f->n];
    if (!take_key(c, field))
        return false;
    for (size_t i = 0; i < f->n; i++)
        if (key_is(&f->fields[i], field->key, field->key_len))
            return false;
    f->n++;
    return take_value(c, field);
}

int flat_parse(struct flat_object *f, const char *json, size_t len)
{
    f->n = 0;
    size_t need = len + FLAT_MAX_FIELDS + JSON_OVERSHOOT;
    if (need > f->cap) {
        char *bytes = realloc(f->bytes, need + need / 2);
        if (!bytes)
            return 0;
        f->bytes = bytes;
        f->cap = need + need / 2;
    }
    struct json_cursor c = {.at = json, .end = json + len, .out = f->bytes};
    if (!json_take(&c, '{'))
        return 0;
    do
        if (!take_field(f, &c))
            return 0;
    while (json_take(&c, ','));
    if (!json_take(&c, '}'))
        return 0;
    json_skip_space(&c);
    return c.at == c.end;
}

const struct flat_field *flat_find(const struct flat_object *f, const char *key)
{
    size_t len = strlen(key);
    for (size_t i = 0; i < f->n; i++)
        if (key_is(&f->fields[i], key, len))
            return &f->fields[i];
    return NULL;
}
