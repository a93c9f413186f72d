#include "formats/template_json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct output {
    char *s;
    size_t len, cap;
    const char *join;
    bool listed; /* the current value is an element of a list */
    bool any;    /* the field has had a value so far */
};

static int put(struct output *o, const char *s, size_t n)
{
    if (o->cap - o->len <= n) {
        size_t cap = (o->len + n + 1) * 3 / 2;
        char *grown = realloc(o->s, cap);
        if (!grown)
            return TEMPLATE_ENOMEM;
        o->s = grown;
        o->cap = cap;
    }
    memcpy(o->s + o->len, s, n);
    o->len += n;
    o->s[o->len] = '\0';
    return 0;
}

static int put_value(struct output *o, const char *s, size_t n)
{
    int r = o->listed && o->any ? put(o, o->join, strlen(o->join)) : 0;
    o->any = true;
    return r < 0 ? r : put(o, s, n);
}

static int put_scalar(struct output *o, const json_t *v)
{
    char number[REAL_TEXT];
    switch (json_typeof(v)) {
    case JSON_STRING:
        return put_value(o, json_string_value(v), json_string_length(v));
    case JSON_INTEGER:
        return put_value(
            o, number,
            (size_t)snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(v)));
    case JSON_REAL:
        return put_value(o, number, (size_t)real_text(json_real_value(v), false, number));
    case JSON_TRUE:
        return put_value(o, "true", 4);
    case JSON_FALSE:
        return put_value(o, "false", 5);
    default:
        return 0;
    }
}

/* The member of that whole name, or the one that the name leads to part by part through objects alone. */
static const json_t *find(const json_t *v, const char *path)
{
    const json_t *member = json_object_get(v, path);
    for (const char *dot = strchr(path, '.'); !member && dot; dot = strchr(dot + 1, '.')) {
        const json_t *object = json_object_getn(v, path, (size_t)(dot - path));
        if (object)
            member = find(object, dot + 1);
    }
    return member;
}

static int put_field(struct output *o, const json_t *v, const char *path);

/* Elements in which the rest of the name is not found add nothing, as null does. */
static int put_elements(struct output *o, const json_t *array, const char *path)
{
    size_t i;
    json_t *element;
    if (!o->join)
        return TEMPLATE_ELIST;
    o->listed = true;
    json_array_foreach((json_t *)array, i, element)
    {
        int r = put_field(o, element, path);
        if (r < 0 && r != TEMPLATE_EMISSING)
            return r;
    }
    return 0;
}

/* path: the rest of the name, to be found in v; "" is v itself. */
static int put_field(struct output *o, const json_t *v, const char *path)
{
    if (json_is_array(v))
        return put_elements(o, v, path);
    if (!*path)
        return json_is_object(v) ? TEMPLATE_EOBJECT : put_scalar(o, v);
    if (!json_is_object(v))
        return TEMPLATE_EMISSING;
    const json_t *member = json_object_get(v, path);
    if (member)
        return put_field(o, member, "");
    for (const char *dot = strchr(path, '.'); dot; dot = strchr(dot + 1, '.')) {
        member = json_object_getn(v, path, (size_t)(dot - path));
        if (member)
            return put_field(o, member, dot + 1);
    }
    return TEMPLATE_EMISSING;
}

static int put_parts(struct output *o, const struct template *t, size_t from, size_t to, const json_t *object,
                     bool *any, const char **field);

/* The parts within a list, once for each of its elements. A list that is null has none. */
static int put_list(struct output *o, const struct template *t, size_t list, const json_t *object, bool *any,
                    const char **field)
{
    const json_t *v = find(object, t->parts[list].s);
    size_t i;
    json_t *element;
    if (!v)
        return TEMPLATE_EMISSING;
    if (!json_is_array(v) && !json_is_null(v))
        return TEMPLATE_ENOLIST;
    json_array_foreach((json_t *)v, i, element)
    {
        int r = put_parts(o, t, list + 1, t->parts[list].end, element, any, field);
        if (r < 0)
            return r;
    }
    return 0;
}

static int put_parts(struct output *o, const struct template *t, size_t from, size_t to, const json_t *object,
                     bool *any, const char **field)
{
    int r = 0;
    for (size_t i = from; i < to && r == 0; i++) {
        const struct template_part *part = &t->parts[i];
        if (part->kind == TEMPLATE_TEXT) {
            r = put(o, part->s, part->len);
            continue;
        }
        *field = part->s;
        o->listed = o->any = false;
        r = part->kind == TEMPLATE_LIST ? put_list(o, t, i, object, any, field)
                                        : put_field(o, object, part->s);
        *any |= o->any;
        if (part->kind == TEMPLATE_LIST)
            i = part->end;
    }
    return r;
}

int template_fill_json(const struct template *t, const json_t *object, const char *join, char **text,
                       size_t *len, const char **field)
{
    struct output o = {.join = join};
    int r = put(&o, "", 0);
    bool any = false;
    if (r == 0)
        r = put_parts(&o, t, 0, t->n, object, &any, field);
    if (r < 0) {
        free(o.s);
        return r;
    }
    if (!any)
        o.len = 0; /* the text around fields that are all null is no document */
    *text = o.s;
    *len = o.len;
    return 0;
}
