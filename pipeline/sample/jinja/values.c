/*
 * values.c - values of a rendering: made, compared, computed with
 */
#include "pipeline/sample/jinja/node.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_STEPS = 500000, MAX_NESTING = 64 };

void run_fail(struct run *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->why, r->cap, fmt, ap);
    va_end(ap);
    longjmp(r->failed, 1);
}

void run_step(struct run *r, size_t n)
{
    if ((r->steps += n) > MAX_STEPS)
        run_fail(r, "the template takes too many steps");
}

json_t *run_own(struct run *r, json_t *v)
{
    if (!v)
        run_fail(r, "a text that is not UTF-8, or no memory");
    if ((r->n_owned & (r->n_owned - 1)) == 0) /* room for a power of two */
        r->owned = xrealloc(r->owned, (r->n_owned ? 2 * r->n_owned : 1) * sizeof *r->owned);
    return r->owned[r->n_owned++] = v;
}

static void count_bytes(struct run *r, size_t n)
{
    if ((r->bytes += n) > JINJA_MAX_BYTES)
        run_fail(r, "the template makes too much text");
}

struct strbuf *run_buffer(struct run *r)
{
    r->buffers = xrealloc(r->buffers, (r->n_buffers + 1) * sizeof *r->buffers);
    struct strbuf *b = r->buffers[r->n_buffers++] = xcalloc(1, sizeof *b);
    strbuf_add(b, "", 0);
    return b;
}

void run_add(struct run *r, struct strbuf *b, const char *s, size_t len)
{
    count_bytes(r, len);
    strbuf_add(b, s, len);
}

void run_add_text(struct run *r, struct strbuf *b, const json_t *text)
{
    run_add(r, b, json_string_value(text), json_string_length(text));
}

json_t *run_made(struct run *r, struct strbuf *b)
{
    json_t *text = json_stringn(b->s, b->len);
    r->n_buffers--;
    strbuf_free(b);
    free(b);
    return run_own(r, text);
}

json_t *run_string(struct run *r, const char *s, size_t len)
{
    count_bytes(r, len);
    return run_own(r, json_stringn(s, len));
}

void run_walk(struct run *r, const json_t *v)
{
    run_step(r, (json_string_length(v) + json_array_size(v) + json_object_size(v)) / 64);
}

static size_t measure(struct run *r, const json_t *v, int depth)
{
    const char *key;
    const json_t *one;
    size_t i, bytes = json_string_length(v);
    if (depth > MAX_NESTING)
        run_fail(r, "lists and objects within others go too deep");
    run_step(r, 1 + bytes / 64);
    json_array_foreach(v, i, one) bytes += measure(r, one, depth + 1);
    json_object_foreach((json_t *)v, key, one) bytes += measure(r, one, depth + 1);
    return bytes;
}

size_t run_measure(struct run *r, const json_t *v)
{
    return measure(r, v, 0);
}

json_t *run_copy(struct run *r, json_t *v)
{
    if (v == r->undefined || !(json_is_array(v) || json_is_object(v)))
        return v;
    count_bytes(r, run_measure(r, v));
    return run_own(r, json_deep_copy(v));
}

json_t *run_keys(struct run *r, json_t *v)
{
    json_t *list = run_own(r, json_array()), *one;
    const char *key;
    run_step(r, json_object_size(v));
    json_object_foreach(v, key, one) json_array_append_new(list, json_string(key));
    return list;
}

bool run_true(const struct run *r, const json_t *v)
{
    if (v == r->undefined)
        return false;
    switch (json_typeof(v)) {
    case JSON_STRING:
        return json_string_length(v) > 0;
    case JSON_ARRAY:
        return json_array_size(v) > 0;
    case JSON_OBJECT:
        return json_object_size(v) > 0;
    case JSON_INTEGER:
    case JSON_REAL:
        return json_number_value(v) != 0;
    default:
        return json_is_true(v);
    }
}

bool run_equal(struct run *r, const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) == json_number_value(b);
    run_measure(r, a);
    run_measure(r, b);
    return json_equal(a, b);
}

void jinja_number(char text[JINJA_NUMBER], const json_t *v)
{
    double x = json_number_value(v);
    int digits = 0;
    if (json_is_integer(v)) {
        snprintf(text, JINJA_NUMBER, "%lld", (long long)json_integer_value(v));
        return;
    }
    do /* to the fewest digits that are read as the number */
        snprintf(text, JINJA_NUMBER, "%.*e", digits, x);
    while (strtod(text, NULL) != x && digits++ < 16);
    int exponent = atoi(strchr(text, 'e') + 1), decimals = digits - exponent;
    if (exponent >= -4 && exponent < 16)
        snprintf(text, JINJA_NUMBER, "%.*f", decimals > 1 ? decimals : 1, x);
}

json_t *run_text(struct run *r, json_t *v)
{
    char s[JINJA_NUMBER];
    if (json_is_string(v))
        return v;
    if (v == r->undefined)
        return run_string(r, "", 0);
    if (json_is_number(v))
        jinja_number(s, v);
    else if (json_is_boolean(v) || json_is_null(v))
        snprintf(s, sizeof s, "%s", json_is_null(v) ? "None" : json_is_true(v) ? "True" : "False");
    else
        run_fail(r, "a list or object is written out as a text");
    return run_string(r, s, strlen(s));
}

json_t *run_argument(const struct arguments *a, size_t i, const char *name)
{
    json_t *v = json_array_get(a->values, i);
    return v || !name ? v : json_object_get(a->keywords, name);
}

static json_t *boolean(bool v)
{
    return v ? json_true() : json_false();
}

static bool contains(struct run *r, json_t *v, json_t *in)
{
    const json_t *one;
    size_t i;
    run_walk(r, in);
    if (json_is_string(in) && json_is_string(v))
        return memmem(json_string_value(in), json_string_length(in), json_string_value(v),
                      json_string_length(v));
    if (json_is_object(in))
        return json_is_string(v) && json_object_get(in, json_string_value(v));
    if (!json_is_array(in))
        run_fail(r, "'in' looks into what holds nothing");
    json_array_foreach(in, i, one) if (run_equal(r, one, v)) return true;
    return false;
}

static int order(struct run *r, const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b))
        return (json_number_value(a) > json_number_value(b)) - (json_number_value(a) < json_number_value(b));
    if (!json_is_string(a) || !json_is_string(b))
        run_fail(r, "values of different kinds are ordered");
    run_walk(r, a);
    size_t n = json_string_length(a), k = json_string_length(b);
    int first = memcmp(json_string_value(a), json_string_value(b), n < k ? n : k);
    return first != 0 ? first : (n > k) - (n < k);
}

static json_t *joined(struct run *r, const json_t *a, const json_t *b)
{
    struct strbuf *both = run_buffer(r);
    run_add_text(r, both, a);
    run_add_text(r, both, b);
    return run_made(r, both);
}

json_int_t run_whole(struct run *r, double v)
{
    if (!(v >= -0x1p63 && v < 0x1p63))
        run_fail(r, "a number that is too large");
    return (json_int_t)v;
}

static json_t *number(struct run *r, const char *op, const json_t *a, const json_t *b)
{
    bool whole = json_is_integer(a) && json_is_integer(b), divides = *op == '/' || *op == '%';
    double x = json_number_value(a), y = json_number_value(b);
    if (!json_is_number(a) || !json_is_number(b))
        run_fail(r, "'%s' between values that have none", op);
    if (divides && y == 0)
        run_fail(r, "a division by zero");
    if (strcmp(op, "/") == 0)
        return run_own(r, json_real(x / y));
    if (whole && !divides) {
        json_int_t i = json_integer_value(a), k = json_integer_value(b), result;
        if (*op == '+'   ? __builtin_add_overflow(i, k, &result)
            : *op == '-' ? __builtin_sub_overflow(i, k, &result)
                         : __builtin_mul_overflow(i, k, &result))
            run_fail(r, "a number that is too large");
        return run_own(r, json_integer(result));
    }
    double v = *op == '+'   ? x + y
               : *op == '-' ? x - y
               : *op == '*' ? x * y
               : *op == '%' ? x - y * floor(x / y)
                            : floor(x / y);
    return run_own(r, whole ? json_integer(run_whole(r, v)) : json_real(v));
}

json_t *jinja_binary(struct run *r, const char *op, json_t *a, json_t *b)
{
    if (strcmp(op, "==") == 0 || strcmp(op, "!=") == 0)
        return boolean((a == r->undefined) == (b == r->undefined) && run_equal(r, a, b) == (*op == '='));
    if (strcmp(op, "in") == 0 || strcmp(op, "not in") == 0)
        return boolean(contains(r, a, b) == (*op == 'i'));
    if (*op == '<' || *op == '>') {
        int o = order(r, a, b);
        return boolean((*op == '<' ? o < 0 : o > 0) || (op[1] == '=' && o == 0));
    }
    if (*op == '~')
        return joined(r, run_text(r, a), run_text(r, b));
    if (*op == '+' && json_is_string(a) && json_is_string(b))
        return joined(r, a, b);
    if (*op == '+' && json_is_array(a) && json_is_array(b)) {
        run_step(r, json_array_size(a) + json_array_size(b));
        json_t *both = run_own(r, json_copy(a));
        json_array_extend(both, b);
        return both;
    }
    return number(r, op, a, b);
}
