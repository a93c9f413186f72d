#include "formats/json_members.h"

#include <string.h>

static int bad(struct json_members *m, const char *why)
{
    m->why = why;
    return -1;
}

static char peek(const struct json_members *m)
{
    return m->at < m->len ? m->text[m->at] : 0;
}

static void skip_space(struct json_members *m)
{
    while (m->at < m->len && memchr(" \t\n\r", m->text[m->at], 4))
        m->at++;
}

/* Skips from a quote to after the one that ends the string. */
static int skip_string(struct json_members *m)
{
    for (m->at++; m->at < m->len; m->at++) {
        if (m->text[m->at] == '"') {
            m->at++;
            return 0;
        }
        if (m->text[m->at] == '\\')
            m->at++;
    }
    m->at = m->len;
    return bad(m, "a string does not end");
}

/* Skips to the comma or bracket after a value: brackets within it are only counted. */
static int skip_value(struct json_members *m)
{
    size_t depth = 0;
    while (m->at < m->len) {
        char c = m->text[m->at];
        if (depth == 0 && (c == ',' || c == '}' || c == ']'))
            return 0;
        if (c == '"') {
            if (skip_string(m) != 0)
                return -1;
            continue;
        }
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        m->at++;
    }
    return bad(m, "the object does not end");
}

size_t json_value_len(const char *text, size_t len)
{
    struct json_members m = {.text = text, .len = len};
    return skip_value(&m) == 0 ? m.at : 0;
}

void json_members_begin(struct json_members *m, const char *text, size_t len)
{
    *m = (struct json_members){.text = text, .len = len};
}

static int finish(struct json_members *m)
{
    m->at++;
    skip_space(m);
    return m->at == m->len ? 0 : bad(m, "text after the object's end");
}

int json_members_next(struct json_members *m)
{
    skip_space(m);
    if (m->value_end == 0) { /* the first member */
        if (peek(m) != '{')
            return bad(m, "'{' expected");
        m->at++;
        skip_space(m);
        if (peek(m) == '}')
            return finish(m);
    } else if (peek(m) == '}') {
        return finish(m);
    } else if (peek(m) != ',') {
        return bad(m, "',' or '}' expected");
    } else {
        m->at++;
        skip_space(m);
    }
    if (peek(m) != '"')
        return bad(m, "a name in quotes expected");
    m->name = m->at;
    if (skip_string(m) != 0)
        return -1;
    m->name_end = m->at;
    skip_space(m);
    if (peek(m) != ':')
        return bad(m, "':' expected");
    m->at++;
    skip_space(m);
    m->value = m->at;
    if (skip_value(m) != 0)
        return -1;
    m->value_end = m->at;
    return m->value_end > m->value ? 1 : bad(m, "a value expected");
}
