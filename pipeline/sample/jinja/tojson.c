/*
 * tojson.c - values as JSON, as Python's json.dumps writes them with ensure_ascii=False
 */
#include "pipeline/sample/jinja/node.h"

#include <stdio.h>
#include <string.h>

static void add(struct run *r, struct strbuf *b, const char *s)
{
    run_add(r, b, s, strlen(s));
}

static void add_string(struct run *r, struct strbuf *b, const char *s, size_t len)
{
    static const char names[] = "\"\\\b\f\n\r\t", escapes[] = "\"\\bfnrt";
    add(r, b, "\"");
    for (size_t i = 0, from = 0; i <= len; i++) {
        const char *name = i < len && s[i] ? strchr(names, s[i]) : NULL;
        if (i < len && !name && (unsigned char)s[i] >= ' ')
            continue;
        run_add(r, b, s + from, i - from);
        from = i + 1;
        char code[8] = {'\\', name ? escapes[name - names] : 'u'};
        if (i < len && !name)
            snprintf(code + 2, sizeof code - 2, "%04x", (unsigned)s[i]);
        if (i < len)
            add(r, b, code);
    }
    add(r, b, "\"");
}

/* Begins a line of its own, when spaces is not 0. */
static void add_line(struct run *r, struct strbuf *b, size_t spaces, size_t depth)
{
    if (spaces > 0)
        add(r, b, "\n");
    for (size_t i = 0; i < spaces * depth; i++)
        add(r, b, " ");
}

static void add_value(struct run *r, struct strbuf *b, const json_t *v, size_t spaces, size_t depth)
{
    const char *key, *between = spaces > 0 ? "," : ", ";
    json_t *one;
    size_t i, n = 0;
    char number[JINJA_NUMBER];
    if (json_is_string(v)) {
        add_string(r, b, json_string_value(v), json_string_length(v));
    } else if (json_is_number(v)) {
        jinja_number(number, v);
        add(r, b, number);
    } else if (!json_is_array(v) && !json_is_object(v)) {
        add(r, b, json_is_null(v) ? "null" : json_is_true(v) ? "true" : "false");
    } else {
        add(r, b, json_is_array(v) ? "[" : "{");
        json_array_foreach(v, i, one)
        {
            add(r, b, n++ ? between : "");
            add_line(r, b, spaces, depth + 1);
            add_value(r, b, one, spaces, depth + 1);
        }
        json_object_foreach((json_t *)(uintptr_t)v, key, one)
        {
            add(r, b, n++ ? between : "");
            add_line(r, b, spaces, depth + 1);
            add_string(r, b, key, strlen(key));
            add(r, b, ": ");
            add_value(r, b, one, spaces, depth + 1);
        }
        if (n > 0)
            add_line(r, b, spaces, depth);
        add(r, b, json_is_array(v) ? "]" : "}");
    }
}

json_t *jinja_tojson(struct run *r, json_t *v, size_t spaces)
{
    run_measure(r, v); /* which also ends what is nested too deeply for us */
    struct strbuf *b = run_buffer(r);
    add_value(r, b, v, spaces, 0);
    return run_made(r, b);
}
