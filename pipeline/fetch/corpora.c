#include "pipeline/fetch/corpora.h"

#include "formats/tokens.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_OWN_TABLE = 16 << 20 };

/* A member of entry i that is a string, or NULL where there is none. It lives as long as the table. */
static const char *string_of(const char *path, size_t i, json_t *entry, const char *member, bool needed)
{
    json_t *v = json_object_get(entry, member);
    if (json_is_null(v))
        v = NULL;
    if (!json_is_string(v) && (v || needed))
        die("%s: entry %zu: \"%s\" is %s", path, i + 1, member, v ? "no string" : "missing");
    return json_string_value(v);
}

static uint64_t number_of(const char *path, size_t i, json_t *entry, const char *member)
{
    json_t *v = json_object_get(entry, member);
    if (v && (!json_is_integer(v) || json_integer_value(v) < 0))
        die("%s: entry %zu: \"%s\" is no whole number", path, i + 1, member);
    return v ? (uint64_t)json_integer_value(v) : 0;
}

static bool flag_of(const char *path, size_t i, json_t *entry, const char *member)
{
    json_t *v = json_object_get(entry, member);
    if (v && !json_is_boolean(v))
        die("%s: entry %zu: \"%s\" is neither true nor false", path, i + 1, member);
    return json_is_true(v);
}

static struct corpus read_entry(const char *path, size_t i, json_t *e)
{
    struct corpus c = {
        .name = string_of(path, i, e, "name", true),
        .place = string_of(path, i, e, "place", true),
        .revision = string_of(path, i, e, "revision", false),
        .files = string_of(path, i, e, "files", true),
        .text = string_of(path, i, e, "text", false),
        .domain = string_of(path, i, e, "domain", true),
        .licence = string_of(path, i, e, "licence", false),
        .gated = flag_of(path, i, e, "gated"),
        .heritage = flag_of(path, i, e, "heritage"),
        .bytes = number_of(path, i, e, "bytes"),
        .tokens = number_of(path, i, e, "tokens"),
    };
    if (domain_from_name(c.domain) < 0)
        die("%s: entry %zu: \"domain\" is none of language, code, math, ml, logic, other", path, i + 1);
    if (c.heritage && !c.text)
        die("%s: entry %zu: \"heritage\" needs a \"text\" of an id and an encoding", path, i + 1);
    return c;
}

struct corpora corpora_read(const char *path)
{
    if (!path)
        return (struct corpora){0};
    size_t len, i;
    json_error_t e;
    json_t *entry;
    char *content = read_file(path, &len, MAX_OWN_TABLE);
    json_t *root = json_loadb(content, len, JSON_REJECT_DUPLICATES, &e); /* kept: the entries point into it */
    free(content);
    if (!root)
        die("%s:%d: %s", path, e.line, e.text);
    if (!json_is_array(root))
        die("%s: an array of corpora is expected", path);
    struct corpus *own = xcalloc(json_array_size(root) + 1, sizeof *own);
    json_array_foreach(root, i, entry)
    {
        if (!json_is_object(entry))
            die("%s: entry %zu is no object", path, i + 1);
        own[i] = read_entry(path, i, entry);
    }
    return (struct corpora){own, json_array_size(root)};
}

const struct corpus *corpora_find(const struct corpora *c, const char *name)
{
    for (size_t i = 0; i < c->n_own; i++)
        if (strcmp(c->own[i].name, name) == 0)
            return &c->own[i];
    for (size_t i = 0; i < n_corpora_table; i++)
        if (strcmp(corpora_table[i].name, name) == 0)
            return &corpora_table[i];
    return NULL;
}

char *corpus_word(const struct corpus *c)
{
    return xasprintf("hf://%s%s%s/%s", c->place, c->revision ? "@" : "", c->revision ? c->revision : "",
                     c->files);
}

void corpus_set_input(const struct corpus *c, struct input_opts *in)
{
    bool said = in->text_field || in->template;
    if (c->text && strchr(c->text, '{') && (c->heritage || !said))
        in->template = c->text;
    else if (c->text && !said)
        in->text_field = c->text;
    if (in->domain < 0)
        in->domain = domain_from_name(c->domain);
}

/* 28000000000 as "28.0 GB" or "28.0 B"; "?" for 0. */
static const char *amount(char text[16], uint64_t n, const char *unit)
{
    if (n == 0)
        snprintf(text, 16, "?");
    else if (n < 1000000000)
        snprintf(text, 16, "%.0f M%s", (double)n / 1e6, unit);
    else
        snprintf(text, 16, "%.1f %s%s", (double)n / 1e9, *unit ? "G" : "B", unit);
    return text;
}

static void print_row(const struct corpus *c)
{
    char bytes[16], tokens[16], *word = corpus_word(c);
    printf("%-21s %-9s %9s %9s  %-17s %s%s%s\n", c->name, c->domain, amount(tokens, c->tokens, ""),
           amount(bytes, c->bytes, "B"), c->licence ? c->licence : "?", word, c->gated ? "  (gated)" : "",
           c->heritage ? "  (texts from Software Heritage)" : "");
    free(word);
}

static json_t *optional_string(const char *s)
{
    return s ? json_string(s) : json_null();
}

static json_t *row_json(const struct corpus *c)
{
    return json_pack("{ss ss so ss so ss so sb sb sI sI}", "name", c->name, "place", c->place, "revision",
                     optional_string(c->revision), "files", c->files, "text", optional_string(c->text),
                     "domain", c->domain, "licence", optional_string(c->licence), "gated", c->gated,
                     "heritage", c->heritage, "bytes", (json_int_t)c->bytes, "tokens", (json_int_t)c->tokens);
}

void corpora_list(const struct corpora *c, bool json)
{
    json_t *all = json_array();
    if (!json)
        printf("%-21s %-9s %9s %9s  %-17s %s\n", "corpus:NAME", "domain", "tokens", "download", "licence",
               "place");
    for (size_t i = 0; i < c->n_own + n_corpora_table; i++) {
        const struct corpus *row = i < c->n_own ? &c->own[i] : &corpora_table[i - c->n_own];
        if (corpora_find(c, row->name) != row) /* the user's own has taken its name */
            continue;
        if (json)
            json_array_append_new(all, row_json(row));
        else
            print_row(row);
    }
    if (json)
        json_dumpf(all, stdout, JSON_INDENT(1));
    if (json)
        putchar('\n');
    json_decref(all);
}
