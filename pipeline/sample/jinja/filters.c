/*
 * filters.c - the filters of Jinja that chat templates use
 */
#include "formats/json_text.h"
#include "pipeline/sample/jinja/node.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* Upper case, lower case, the first letter alone (capital), or each word's (title). */
static json_t *cased(struct run *r, json_t *v, const char *how)
{
    struct strbuf *b = run_buffer(r);
    const char *s = json_string_value(v);
    size_t len = json_string_length(v);
    bool begins = true;
    for (size_t i = 0, width; i < len; i += width) {
        utf8proc_uint8_t bytes[4];
        width = utf8_char(s + i, len - i);
        utf8proc_int32_t c = (utf8proc_int32_t)utf8_value(s + i, width ? width : 1);
        bool up = *how == 'u' || ((*how == 'c' || *how == 't') && begins);
        bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';
        begins = *how == 't' && !letter && c < 0x80;
        c = up ? utf8proc_toupper(c) : utf8proc_tolower(c);
        run_add(r, b, (const char *)bytes, (size_t)utf8proc_encode_char(c, bytes));
        width = width ? width : 1;
    }
    return run_made(r, b);
}

static json_t *tojson(struct run *r, json_t *v, const struct arguments *a)
{
    json_t *indent = run_argument(a, 0, "indent");
    if (v == r->undefined)
        run_fail(r, "tojson of what is not there");
    return jinja_tojson(r, v, json_is_integer(indent) ? (size_t)json_integer_value(indent) & 31 : 0);
}

static json_t *join(struct run *r, json_t *v, const struct arguments *a)
{
    json_t *between = run_argument(a, 0, "d"), *one;
    struct strbuf *b = run_buffer(r);
    size_t i;
    json_array_foreach(v, i, one)
    {
        run_step(r, 1);
        if (i > 0 && between)
            run_add_text(r, b, run_text(r, between));
        run_add_text(r, b, run_text(r, one));
    }
    return run_made(r, b);
}

/* Spaces before each line but the first, or before it as well. */
static json_t *indent(struct run *r, json_t *v, const struct arguments *a)
{
    json_t *width = run_argument(a, 0, "width"), *first = run_argument(a, 1, "first"),
           *blank = run_argument(a, 2, "blank");
    char spaces[256];
    size_t n = json_is_integer(width) ? (size_t)json_integer_value(width) & 255 : 4;
    struct strbuf *b = run_buffer(r);
    memset(spaces, ' ', sizeof spaces);
    run_add(r, b, spaces, first && run_true(r, first) ? n : 0);
    const char *s = json_string_value(v), *end = s + json_string_length(v);
    for (; s < end; s++) {
        run_add(r, b, s, 1);
        bool empty = s + 1 == end || s[1] == '\n';
        if (*s == '\n' && (!empty || (blank && run_true(r, blank))))
            run_add(r, b, spaces, n);
    }
    return run_made(r, b);
}

static json_t *items(struct run *r, json_t *v)
{
    json_t *list = run_own(r, json_array()), *one;
    const char *key;
    run_step(r, json_object_size(v));
    json_object_foreach(v, key, one) json_array_append_new(list, json_pack("[s, O]", key, one));
    return list;
}

/* Several attributes with dots between them. */
static json_t *attribute(struct run *r, json_t *v, const char *name)
{
    for (size_t n; v && *name; name += n + (name[n] == '.')) {
        n = strcspn(name, ".");
        run_step(r, n / 64);
        v = json_object_getn(v, name, n);
    }
    return v ? v : r->undefined;
}

/* map(attribute=NAME), map(FILTER). */
static json_t *map(struct run *r, json_t *v, const struct arguments *a)
{
    json_t *list = run_own(r, json_array()), *one, *name = json_object_get(a->keywords, "attribute"),
           *filter = run_argument(a, 0, NULL), *otherwise = json_object_get(a->keywords, "default");
    struct arguments rest = {run_own(r, json_array()), a->keywords};
    size_t i;
    if (!name && (!json_is_string(filter) || !jinja_has_filter(json_string_value(filter))))
        run_fail(r, "map: neither an attribute nor a filter");
    for (i = 1; i < json_array_size(a->values); i++)
        json_array_append(rest.values, json_array_get(a->values, i));
    json_array_foreach(v, i, one)
    {
        run_step(r, 1);
        json_t *mapped = json_is_string(name) ? attribute(r, one, json_string_value(name))
                                              : jinja_filter(r, json_string_value(filter), one, &rest);
        json_array_append(list, mapped == r->undefined && otherwise ? otherwise : mapped);
    }
    return list;
}

/* select, reject, and with an attribute's name before the test selectattr, rejectattr. */
static json_t *chosen(struct run *r, json_t *v, const struct arguments *a, bool of_attribute, bool wanted)
{
    json_t *list = run_own(r, json_array()), *one, *name = of_attribute ? run_argument(a, 0, NULL) : NULL,
           *test = run_argument(a, of_attribute, NULL);
    struct arguments rest = {run_own(r, json_array()), a->keywords};
    size_t i;
    if ((of_attribute && !json_is_string(name)) ||
        (test && (!json_is_string(test) || !jinja_has_test(json_string_value(test)))))
        run_fail(r, "select and reject: an attribute or a test that is not known here");
    for (i = of_attribute + 1u; i < json_array_size(a->values); i++)
        json_array_append(rest.values, json_array_get(a->values, i));
    json_array_foreach(v, i, one)
    {
        run_step(r, 1);
        json_t *of = name ? attribute(r, one, json_string_value(name)) : one;
        if ((test ? jinja_test(r, json_string_value(test), of, &rest) : run_true(r, of)) == wanted)
            json_array_append(list, one);
    }
    return list;
}

static json_t *end_of(struct run *r, json_t *v, bool last)
{
    json_t *i = run_own(r, json_integer(last ? -1 : 0));
    return jinja_length(r, v) > 0 ? jinja_item(r, v, i) : r->undefined;
}

static json_t *list_of(struct run *r, json_t *v)
{
    return json_is_array(v) ? v : json_is_string(v) ? jinja_characters(r, v) : run_keys(r, v);
}

static json_t *unique(struct run *r, json_t *v)
{
    json_t *list = run_own(r, json_array()), *one;
    size_t i, k;
    json_array_foreach(v, i, one)
    {
        run_step(r, i + 1);
        for (k = 0; k < json_array_size(list) && !run_equal(r, json_array_get(list, k), one); k++)
            ;
        if (k == json_array_size(list))
            json_array_append(list, one);
    }
    return list;
}

static json_t *whole_number(struct run *r, json_t *v)
{
    json_int_t n = json_is_string(v)   ? strtoll(json_string_value(v), NULL, 10)
                   : json_is_number(v) ? run_whole(r, json_number_value(v))
                                       : json_is_true(v);
    return run_own(r, json_integer(n));
}

enum filter_name {
    TRIM,
    TOJSON,
    LENGTH,
    COUNT,
    UPPER,
    LOWER,
    CAPITALIZE,
    TITLE,
    DEFAULT,
    D,
    JOIN,
    FIRST,
    LAST,
    LIST,
    STRING,
    INT,
    REPLACE,
    ITEMS,
    SELECT,
    REJECT,
    SELECTATTR,
    REJECTATTR,
    MAP,
    REVERSE,
    SAFE,
    INDENT,
    UNIQUE,
    FILTERS
};
static const char *const filters[FILTERS] = {[TRIM] = "trim",
                                             [TOJSON] = "tojson",
                                             [LENGTH] = "length",
                                             [COUNT] = "count",
                                             [UPPER] = "upper",
                                             [LOWER] = "lower",
                                             [CAPITALIZE] = "capitalize",
                                             [TITLE] = "title",
                                             [DEFAULT] = "default",
                                             [D] = "d",
                                             [JOIN] = "join",
                                             [FIRST] = "first",
                                             [LAST] = "last",
                                             [LIST] = "list",
                                             [STRING] = "string",
                                             [INT] = "int",
                                             [REPLACE] = "replace",
                                             [ITEMS] = "items",
                                             [SELECT] = "select",
                                             [REJECT] = "reject",
                                             [SELECTATTR] = "selectattr",
                                             [REJECTATTR] = "rejectattr",
                                             [MAP] = "map",
                                             [REVERSE] = "reverse",
                                             [SAFE] = "safe",
                                             [INDENT] = "indent",
                                             [UNIQUE] = "unique"};

bool jinja_has_filter(const char *name)
{
    return jinja_place(filters, FILTERS, name) >= 0;
}

static json_t *otherwise(struct run *r, json_t *v, const struct arguments *a)
{
    json_t *value = run_argument(a, 0, "default_value"), *falsy = run_argument(a, 1, "boolean");
    bool replaced = v == r->undefined || (falsy && run_true(r, falsy) && !run_true(r, v));
    return !replaced ? v : value ? value : run_string(r, "", 0);
}

json_t *jinja_filter(struct run *r, const char *name, json_t *v, const struct arguments *a)
{
    run_walk(r, v);
    switch (jinja_place(filters, FILTERS, name)) {
    case TRIM:
        return jinja_strip(r, run_text(r, v), json_string_value(run_argument(a, 0, "chars")), true, true);
    case TOJSON:
        return tojson(r, v, a);
    case LENGTH:
    case COUNT:
        return run_own(r, json_integer((json_int_t)jinja_length(r, v)));
    case UPPER:
    case LOWER:
    case CAPITALIZE:
    case TITLE:
        return cased(r, run_text(r, v), name);
    case DEFAULT:
    case D:
        return otherwise(r, v, a);
    case JOIN:
        return join(r, v, a);
    case FIRST:
    case LAST:
        return end_of(r, v, *name == 'l');
    case LIST:
        return list_of(r, v);
    case STRING:
    case SAFE:
        return run_text(r, v);
    case INT:
        return whole_number(r, v);
    case REPLACE:
        return jinja_method(r, run_text(r, v), name, a);
    case ITEMS:
        return items(r, v);
    case SELECT:
    case REJECT:
    case SELECTATTR:
    case REJECTATTR:
        return chosen(r, v, a, strlen(name) > 6, *name == 's');
    case MAP:
        return map(r, v, a);
    case REVERSE:
        return jinja_slice(r, v, NULL, NULL, run_own(r, json_integer(-1)));
    case INDENT:
        return indent(r, run_text(r, v), a);
    default:
        return unique(r, v);
    }
}
