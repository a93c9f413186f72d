#include "formats/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FIELDS = 4096 };

struct text {
    char *s;
    size_t len, cap;
    bool failed; /* out of memory */
};

struct csv {
    char separator;
    char **names; /* names of the fields, as JSON strings */
    size_t n;
    struct text json, name;
    char error[200];
};

struct csv *csv_new(char separator)
{
    struct csv *c = calloc(1, sizeof *c);
    if (c)
        c->separator = separator;
    return c;
}

void csv_free(struct csv *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n; i++)
        free(c->names[i]);
    free(c->names);
    free(c->json.s);
    free(c->name.s);
    free(c);
}

const char *csv_error(const struct csv *c)
{
    return c->error;
}

static void put(struct text *t, const char *s, size_t len)
{
    if (t->cap - t->len < len + 1) {
        size_t cap = 2 * (t->len + len) + 64;
        char *bigger = realloc(t->s, cap);
        if (!bigger) {
            t->failed = true;
            return;
        }
        t->s = bigger;
        t->cap = cap;
    }
    memcpy(t->s + t->len, s, len);
    t->len += len;
    t->s[t->len] = '\0';
}

static void put_escaped(struct text *t, char ch)
{
    char code[8];
    if (ch == '"' || ch == '\\')
        put(t, "\\", 1);
    if ((unsigned char)ch < 0x20)
        put(t, code, (size_t)snprintf(code, sizeof code, "\\u%04x", ch));
    else
        put(t, &ch, 1);
}

/* Writes the field at s as a JSON string; returns the field's length, without the separator or line end after
 * it. */
static size_t put_field(struct text *t, const char *s, size_t len, char separator)
{
    bool quoted = len > 0 && s[0] == '"';
    size_t at = quoted;
    put(t, "\"", 1);
    for (; at < len && (quoted || s[at] != separator); at++) {
        bool twice = quoted && s[at] == '"' && at + 1 < len && s[at + 1] == '"';
        if (quoted && s[at] == '"' && !twice) {
            quoted = false; /* the rest of the field, up to the separator, is taken literally */
            continue;
        }
        put_escaped(t, s[at]);
        at += twice;
    }
    put(t, "\"", 1);
    return at;
}

/* Returns the length without the line end. */
static size_t trimmed(const char *s, size_t len)
{
    if (len > 0 && s[len - 1] == '\n')
        len--;
    return len > 0 && s[len - 1] == '\r' ? len - 1 : len;
}

size_t csv_record(const struct csv *c, const char *s, size_t len, bool last)
{
    bool quoted = false, starts = true; /* a field */
    for (size_t i = 0; i < len; i++) {
        if (quoted) {
            bool twice = s[i] == '"' && i + 1 < len && s[i + 1] == '"';
            i += twice;
            quoted = s[i] != '"' || twice;
            continue;
        }
        if (s[i] == '\n')
            return i + 1;
        quoted = starts && s[i] == '"';
        starts = s[i] == c->separator;
    }
    return last && !quoted ? len : 0;
}

int csv_header(struct csv *c, const char *record, size_t len)
{
    len = trimmed(record, len);
    for (size_t at = 0; at <= len; at++) {
        c->name.len = 0;
        at += put_field(&c->name, record + at, len - at, c->separator);
        char **names = c->n < MAX_FIELDS ? realloc(c->names, (c->n + 1) * sizeof *names) : NULL;
        char *name = names && !c->name.failed ? strdup(c->name.s) : NULL;
        c->names = names ? names : c->names;
        if (!name) {
            snprintf(c->error, sizeof c->error, "header of more than %d fields, or out of memory",
                     (int)MAX_FIELDS);
            return -1;
        }
        c->names[c->n++] = name;
    }
    return 0;
}

int csv_json(struct csv *c, const char *record, size_t len, const char **json, size_t *n)
{
    size_t field = 0;
    len = trimmed(record, len);
    c->json.len = 0;
    put(&c->json, "{", 1);
    for (size_t at = 0; at <= len; at++, field++) {
        if (field < c->n) {
            put(&c->json, ",", field > 0);
            put(&c->json, c->names[field], strlen(c->names[field]));
            put(&c->json, ":", 1);
        }
        at += put_field(field < c->n ? &c->json : &c->name, record + at, len - at, c->separator);
    }
    put(&c->json, "}", 1);
    if (c->json.failed || field != c->n) {
        snprintf(c->error, sizeof c->error,
                 c->json.failed ? "out of memory" : "%zu fields, and the header has %zu", field, c->n);
        return -1;
    }
    *json = c->json.s;
    *n = c->json.len;
    return 0;
}
