#include "pipeline/eval/prompt.h"
#include "formats/json_text.h"
#include "formats/template.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { MAX_FIELD = 256 };

static const json_t *member(const json_t *v, const char *name, size_t len)
{
    if (json_is_object(v))
        return json_object_getn(v, name, len);
    char *end;
    size_t i = strtoul(name, &end, 10);
    return json_is_array(v) && len > 0 && end == name + len ? json_array_get(v, i) : NULL;
}

const json_t *prompt_column(const json_t *row, const char *path)
{
    const json_t *v = json_object_get(row, path);
    for (const char *at = path; !v; at += strcspn(at, ".") + 1) {
        row = member(row, at, strcspn(at, "."));
        if (!row || !at[strcspn(at, ".")])
            return row;
    }
    return v;
}

/* Appends a value that is a text or becomes one. Returns false for lists, objects and null. */
static bool add_value(struct strbuf *out, const json_t *v)
{
    char real[REAL_TEXT];
    if (json_is_string(v))
        strbuf_add(out, json_string_value(v), json_string_length(v));
    else if (json_is_integer(v))
        strbuf_addf(out, "%lld", (long long)json_integer_value(v));
    else if (json_is_boolean(v))
        strbuf_addf(out, "%s", json_is_true(v) ? "true" : "false");
    else if (json_is_real(v))
        strbuf_add(out, real, (size_t)real_text(json_real_value(v), false, real));
    else
        return false;
    return true;
}

static bool is_space(const char *s, size_t width)
{
    uint32_t c = utf8_value(s, width);
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);
    return (c >= 9 && c <= 13) || (c >= 28 && c <= 31) || c == 0x85 || k == UTF8PROC_CATEGORY_ZS ||
           k == UTF8PROC_CATEGORY_ZL || k == UTF8PROC_CATEGORY_ZP;
}

void prompt_strip(char *s)
{
    size_t begin = 0, len = strlen(s), end = 0;
    bool inside = false;
    for (size_t i = 0, width; i < len; i += width) {
        width = utf8_char(s + i, len - i);
        width = width ? width : 1;
        bool space = is_space(s + i, width);
        if (!space && !inside)
            begin = i, inside = true;
        end = space ? end : i + width;
    }
    end = inside ? end : begin;
    memmove(s, s + begin, end - begin);
    s[end - begin] = 0;
}

/* The first letter becomes upper case where `title` says so, all others lower case. Malloced. */
static char *change_case(const char *s, bool title)
{
    struct strbuf out = {0};
    size_t len = strlen(s);
    strbuf_add(&out, "", 0);
    for (size_t i = 0, width; i < len; i += width) {
        utf8proc_uint8_t bytes[4];
        width = utf8_char(s + i, len - i);
        width = width ? width : 1;
        utf8proc_int32_t c = (utf8proc_int32_t)utf8_value(s + i, width);
        c = i == 0 && title ? utf8proc_totitle(c) : utf8proc_tolower(c);
        strbuf_add(&out, bytes, (size_t)utf8proc_encode_char(c, bytes));
    }
    return out.s;
}

char *prompt_lower(const char *s)
{
    return change_case(s, false);
}

/* Applies one filter to *s, in place or with a new text. Returns false, with the reason, when it cannot. s
 * NULL: looks only whether the filter is known. */
static bool filter(char **s, const char *name, char why[PROMPT_WHY])
{
    const char *known[] = {"strip", "capitalize", "spaces", "last_word", "but_last_word"};
    bool before = strncmp(name, "before:", 7) == 0, after = strncmp(name, "after:", 6) == 0, found = false;
    const char *mark = name + (before ? 7 : 6);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        found |= strcmp(name, known[i]) == 0;
    if (!found && !((before || after) && *mark)) {
        snprintf(why, PROMPT_WHY, "there is no filter '%.60s'", name);
        return false;
    }
    if (!s)
        return true;
    char *text = *s, *space = strrchr(text, ' ');
    char *at = before || after ? strstr(text, mark) : NULL;
    if ((before || after) && !at) {
        snprintf(why, PROMPT_WHY, "there is no '%.60s' in it", mark);
        return false;
    }
    if (before)
        *at = 0;
    else if (after)
        memmove(text, at + strlen(mark), strlen(at + strlen(mark)) + 1);
    else if (strcmp(name, "strip") == 0)
        prompt_strip(text);
    else if (strcmp(name, "but_last_word") == 0)
        *(space ? space : text) = 0;
    else if (strcmp(name, "last_word") == 0 && space)
        memmove(text, space + 1, strlen(space));
    else if (strcmp(name, "spaces") == 0)
        for (char *u = text; (u = strchr(u, '_'));)
            *u = ' ';
    else if (strcmp(name, "capitalize") == 0) {
        *s = change_case(text, true);
        free(text);
    }
    return true;
}

/* Appends the column and filters that stand between braces. out NULL: looks only at the filters. */
static bool add_field(struct strbuf *out, const char *field, const json_t *row, char why[PROMPT_WHY])
{
    char name[MAX_FIELD], reason[PROMPT_WHY], *rest = name;
    struct strbuf value = {0};
    snprintf(name, sizeof name, "%s", field);
    const char *column = strsep(&rest, "|");
    const json_t *v = out ? prompt_column(row, column) : NULL;
    strbuf_add(&value, "", 0);
    if (out && !add_value(&value, v)) {
        snprintf(why, PROMPT_WHY, v ? "column '%.100s' is not a text" : "column '%.100s' is missing", column);
        strbuf_free(&value);
        return false;
    }
    for (const char *f; (f = strsep(&rest, "|"));)
        if (!filter(out ? &value.s : NULL, f, reason)) {
            snprintf(why, PROMPT_WHY, "column '%.100s': %.140s", column, reason);
            strbuf_free(&value);
            return false;
        }
    if (out)
        strbuf_add(out, value.s, strlen(value.s));
    free(value.s);
    return true;
}

/* A template without a field, which template_parse refuses. */
static bool fill_literal(struct strbuf *out, const char *template, char why[PROMPT_WHY])
{
    const char *syntax;
    size_t at;
    char *text = template_literal(template, &syntax, &at);
    if (!text)
        snprintf(why, PROMPT_WHY, "'%.100s': byte %zu: %s", template, at, syntax);
    else if (out)
        strbuf_add(out, text, strlen(text));
    free(text);
    return text != NULL;
}

static bool fill(struct strbuf *out, const char *template, const json_t *row, char why[PROMPT_WHY])
{
    const char *syntax;
    size_t at;
    if (!strchr(template, '{'))
        return fill_literal(out, template, why);
    struct template *t = template_parse(template, &syntax, &at);
    bool good = t != NULL;
    if (!t)
        snprintf(why, PROMPT_WHY, "'%.100s': byte %zu: %s", template, at, syntax);
    if (t && t->lists) {
        snprintf(why, PROMPT_WHY, "'%.100s': a prompt has no lists", template);
        good = false;
    }
    for (size_t i = 0; good && i < t->n; i++) {
        if (t->parts[i].kind == TEMPLATE_FIELD)
            good = add_field(out, t->parts[i].s, row, why);
        else if (out)
            strbuf_add(out, t->parts[i].s, t->parts[i].len);
    }
    template_free(t);
    return good;
}

bool prompt_fill(struct strbuf *out, const char *template, const json_t *row, char why[PROMPT_WHY])
{
    return fill(out, template, row, why);
}

bool prompt_check(const char *template, char why[PROMPT_WHY])
{
    return fill(NULL, template, NULL, why);
}

static char *replace(const char *s, const char *old, const char *new)
{
    struct strbuf out = {0};
    strbuf_add(&out, "", 0);
    for (const char *at; (at = strstr(s, old)); s = at + strlen(old)) {
        strbuf_add(&out, s, (size_t)(at - s));
        strbuf_add(&out, new, strlen(new));
    }
    strbuf_add(&out, s, strlen(s));
    return out.s;
}

/* Removes parts in brackets that end on the same line, in place. */
static void remove_brackets(char *s)
{
    char *to = s;
    for (const char *from = s; *from;) {
        const char *end = *from == '[' ? from + strcspn(from, "]\n") : from;
        if (*from == '[' && *end == ']')
            from = end + 1;
        else
            *to++ = *from++;
    }
    *to = 0;
}

char *prompt_clean_wikihow(const char *text)
{
    char *s = xstrdup(text);
    prompt_strip(s);
    char *titled = replace(s, " [title]", ". ");
    remove_brackets(titled);
    char *single = replace(titled, "  ", " ");
    free(s);
    free(titled);
    return single;
}
