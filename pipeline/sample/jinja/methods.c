/*
 * methods.c - Python's methods of texts and objects, slices, and the functions that Transformers gives
 * templates
 */
#include "formats/json_text.h"
#include "pipeline/sample/jinja/node.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utf8proc.h>

enum { MAX_RANGE = 100000 };

static size_t width_at(const char *s, size_t left)
{
    size_t w = utf8_char(s, left);
    return w ? w : 1;
}

static size_t characters(const char *s, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i += width_at(s + i, len - i))
        n++;
    return n;
}

size_t jinja_length(struct run *r, const json_t *v)
{
    if (json_is_array(v))
        return json_array_size(v);
    if (json_is_object(v))
        return json_object_size(v);
    if (!json_is_string(v))
        run_fail(r, "the length of what has none");
    return characters(json_string_value(v), json_string_length(v));
}

/* Where the k-th character of a text begins. */
static size_t offset(const json_t *v, size_t k)
{
    const char *s = json_string_value(v);
    size_t i = 0, len = json_string_length(v);
    for (; k > 0 && i < len; k--)
        i += width_at(s + i, len - i);
    return i;
}

json_t *jinja_item(struct run *r, json_t *v, const json_t *key)
{
    json_t *found = NULL;
    if (v == r->undefined)
        run_fail(r, "an element of what is not there");
    if (json_is_object(v) && json_is_string(key))
        found = json_object_get(v, json_string_value(key));
    if (!json_is_integer(key) || !(json_is_array(v) || json_is_string(v)))
        return found ? found : r->undefined;
    json_int_t i = json_integer_value(key), n = (json_int_t)jinja_length(r, v);
    run_step(r, json_string_length(v) / 64); /* which walks through a text */
    i += i < 0 ? n : 0;
    if (i < 0 || i >= n)
        return r->undefined;
    if (json_is_array(v))
        return json_array_get(v, (size_t)i);
    size_t at = offset(v, (size_t)i);
    return run_string(r, json_string_value(v) + at, offset(v, (size_t)i + 1) - at);
}

/* A slice's place, within what there is. */
static json_int_t bound(const json_t *v, json_int_t n, json_int_t otherwise, json_int_t low, json_int_t high)
{
    if (!json_is_integer(v))
        return otherwise;
    json_int_t i = json_integer_value(v);
    i += i < 0 ? n : 0;
    return i < low ? low : i > high ? high : i;
}

json_t *jinja_slice(struct run *r, json_t *v, const json_t *from, const json_t *to, const json_t *step)
{
    if (!json_is_array(v) && !json_is_string(v))
        run_fail(r, "a slice of what is neither a list nor a text");
    json_int_t n = (json_int_t)jinja_length(r, v), by = json_is_integer(step) ? json_integer_value(step) : 1;
    if (by == 0)
        run_fail(r, "a slice with a step of zero");
    by = by > n ? n + 1 : by < -n ? -n - 1 : by; /* one step beyond either end, without an overflow */
    json_int_t low = by < 0 ? -1 : 0, high = by < 0 ? n - 1 : n;
    json_int_t i = bound(from, n, by < 0 ? high : low, low, high),
               end = bound(to, n, by < 0 ? low : high, low, high);
    if (json_is_string(v) && by == 1) {
        size_t at = offset(v, (size_t)i), stop = offset(v, (size_t)(end > i ? end : i));
        return run_string(r, json_string_value(v) + at, stop - at);
    }
    json_t *list = run_own(r, json_array());
    for (; by < 0 ? i > end : i < end; i += by) {
        run_step(r, 1);
        json_array_append(list, jinja_item(r, v, run_own(r, json_integer(i))));
    }
    struct arguments none = {run_own(r, json_array()), run_own(r, json_object())};
    return json_is_string(v) ? jinja_filter(r, "join", list, &none) : list;
}

json_t *jinja_characters(struct run *r, const json_t *v)
{
    json_t *list = run_own(r, json_array());
    const char *s = json_string_value(v);
    size_t len = json_string_length(v), w;
    for (size_t i = 0; i < len; i += w) {
        w = width_at(s + i, len - i);
        run_step(r, 1);
        json_array_append(list, run_string(r, s + i, w));
    }
    return list;
}

static bool is_space(const char *s, size_t width)
{
    uint32_t c = utf8_value(s, width);
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);
    return (c >= 9 && c <= 13) || (c >= 28 && c <= 31) || c == 0x85 || k == UTF8PROC_CATEGORY_ZS ||
           k == UTF8PROC_CATEGORY_ZL || k == UTF8PROC_CATEGORY_ZP;
}

static bool stripped(const char *s, size_t width, const char *set)
{
    return set ? memmem(set, strlen(set), s, width) != NULL : is_space(s, width);
}

json_t *jinja_strip(struct run *r, json_t *v, const char *set, bool left, bool right)
{
    const char *s = json_string_value(v);
    size_t from = 0, to = 0, len = json_string_length(v), w;
    run_step(r, len * (1 + (set ? strlen(set) : 0)) / 64);
    while (left && from < len && stripped(s + from, w = width_at(s + from, len - from), set))
        from += w;
    for (size_t i = from; i < len; i += w) {
        w = width_at(s + i, len - i);
        to = right && stripped(s + i, w, set) ? to : i + w;
    }
    return run_string(r, s + from, to > from ? to - from : 0);
}

static void add_part(struct run *r, json_t *list, const char *s, const char *end)
{
    run_step(r, 1);
    json_array_append(list, run_string(r, s, (size_t)(end - s)));
}

/* Parts between white space, or between texts; most: cuts at most, -1: all. */
static json_t *split(struct run *r, const json_t *v, const char *by, json_int_t most)
{
    json_t *list = run_own(r, json_array());
    const char *s = json_string_value(v), *end = s + json_string_length(v), *at;
    if (by && !*by)
        run_fail(r, "split at an empty text");
    for (; by && most != 0 && (at = memmem(s, (size_t)(end - s), by, strlen(by)));
         most--, s = at + strlen(by))
        add_part(r, list, s, at);
    while (!by && s < end) {
        for (size_t w; s < end && is_space(s, w = width_at(s, (size_t)(end - s))); s += w)
            ;
        for (at = s; at < end && !is_space(at, width_at(at, (size_t)(end - at)));
             at += width_at(at, (size_t)(end - at)))
            ;
        if (at > s)
            add_part(r, list, s, at);
        s = at;
    }
    if (by)
        add_part(r, list, s, end);
    return list;
}

static json_t *replace(struct run *r, const json_t *v, const json_t *old, const json_t *new)
{
    const char *s = json_string_value(v), *end = s + json_string_length(v), *at;
    size_t n = json_string_length(old);
    if (!json_is_string(old) || !json_is_string(new) || n == 0)
        run_fail(r, "replace takes two texts, the first not empty");
    struct strbuf *b = run_buffer(r);
    for (; (at = memmem(s, (size_t)(end - s), json_string_value(old), n)); s = at + n) {
        run_add(r, b, s, (size_t)(at - s));
        run_add_text(r, b, new);
    }
    run_add(r, b, s, (size_t)(end - s));
    return run_made(r, b);
}

/* Whether a text begins, or ends, with a part or with one of a list of parts. */
static bool begins(const json_t *v, const json_t *part, bool at_end)
{
    const json_t *one;
    size_t n = json_string_length(part), len = json_string_length(v), i;
    if (json_is_string(part))
        return n <= len &&
               memcmp(json_string_value(v) + (at_end ? len - n : 0), json_string_value(part), n) == 0;
    json_array_foreach(part, i, one) if (json_is_string(one) && begins(v, one, at_end)) return true;
    return false;
}

static json_t *text_method(struct run *r, json_t *v, const char *name, const struct arguments *a)
{
    json_t *x = run_argument(a, 0, NULL), *y = run_argument(a, 1, NULL);
    const char *s = json_string_value(x);
    if (strcmp(name, "strip") == 0)
        return jinja_strip(r, v, s, true, true);
    if (strcmp(name, "lstrip") == 0 || strcmp(name, "rstrip") == 0)
        return jinja_strip(r, v, s, *name == 'l', *name == 'r');
    if (strcmp(name, "split") == 0)
        return split(r, v, s, json_is_integer(y) ? json_integer_value(y) : -1);
    if (strcmp(name, "startswith") == 0 || strcmp(name, "endswith") == 0)
        return begins(v, x, *name == 'e') ? json_true() : json_false();
    if (strcmp(name, "replace") == 0)
        return replace(r, v, x, y);
    if (strcmp(name, "upper") == 0 || strcmp(name, "lower") == 0 || strcmp(name, "title") == 0 ||
        strcmp(name, "capitalize") == 0)
        return jinja_filter(r, name, v, a);
    if (strcmp(name, "join") == 0) {
        struct arguments between = {run_own(r, json_pack("[O]", v)), a->keywords};
        return jinja_filter(r, name, x ? x : r->undefined, &between);
    }
    if (strcmp(name, "find") == 0) {
        const char *text = json_string_value(v);
        const char *at = s ? memmem(text, json_string_length(v), s, json_string_length(x)) : NULL;
        return run_own(r, json_integer(at ? (json_int_t)characters(text, (size_t)(at - text)) : -1));
    }
    run_fail(r, "texts have no method '%s' here", name);
}

json_t *jinja_method(struct run *r, json_t *v, const char *name, const struct arguments *a)
{
    json_t *key = run_argument(a, 0, NULL), *otherwise = run_argument(a, 1, "default"), *list, *one;
    const char *k;
    run_walk(r, v);
    if (json_is_string(v))
        return text_method(r, v, name, a);
    if (v == r->undefined || !json_is_object(v))
        run_fail(r, "'%s' is called of what has no methods here", name);
    if (strcmp(name, "items") == 0)
        return jinja_filter(r, name, v, a);
    if (strcmp(name, "get") == 0) {
        one = json_is_string(key) ? json_object_get(v, json_string_value(key)) : NULL;
        return one ? one : otherwise ? otherwise : json_null();
    }
    if (strcmp(name, "keys") == 0)
        return run_keys(r, v);
    if (strcmp(name, "values") != 0)
        run_fail(r, "objects have no method '%s' here", name);
    list = run_own(r, json_array());
    run_step(r, json_object_size(v));
    json_object_foreach(v, k, one) json_array_append(list, one);
    return list;
}

static json_t *range(struct run *r, const struct arguments *a)
{
    json_t *x = run_argument(a, 0, NULL), *y = run_argument(a, 1, NULL), *z = run_argument(a, 2, NULL);
    json_int_t from = y ? json_integer_value(x) : 0, to = json_integer_value(y ? y : x),
               by = z ? json_integer_value(z) : 1;
    json_t *list = run_own(r, json_array());
    if (by == 0)
        run_fail(r, "range with a step of zero");
    for (bool more = true; more && (by > 0 ? from < to : from > to);) {
        if (json_array_size(list) == MAX_RANGE)
            run_fail(r, "range of more than %d", MAX_RANGE);
        run_step(r, 1);
        json_array_append_new(list, json_integer(from));
        more = !__builtin_add_overflow(from, by, &from);
    }
    return list;
}

json_t *jinja_function(struct run *r, const char *name, const struct arguments *a)
{
    json_t *x = run_argument(a, 0, NULL);
    if (strcmp(name, "namespace") == 0 || strcmp(name, "dict") == 0)
        return run_own(r, json_copy(a->keywords));
    if (strcmp(name, "range") == 0)
        return range(r, a);
    if (strcmp(name, "raise_exception") == 0)
        run_fail(r, "%.200s", json_is_string(x) ? json_string_value(x) : "the template raises an exception");
    if (strcmp(name, "strftime_now") == 0 && json_is_string(x)) {
        char text[256] = "";
        time_t now = time(NULL);
        struct tm tm;
        size_t n = strftime(text, sizeof text, json_string_value(x), localtime_r(&now, &tm));
        return run_string(r, text, n);
    }
    run_fail(r, "there is no function '%s' here", name);
}
