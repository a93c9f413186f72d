#include "formats/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct template *template_new(size_t text_len)
{
    struct template *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    /* Each byte makes at most a part and a NUL. */
    t->parts = calloc(text_len + 1, sizeof *t->parts);
    t->bytes = malloc(2 * text_len + 2);
    if (!t->parts || !t->bytes) {
        template_free(t);
        return NULL;
    }
    return t;
}

void template_free(struct template *t)
{
    if (!t)
        return;
    free(t->parts);
    free(t->bytes);
    free(t);
}

/* Ends the part whose bytes began at `from`; an empty text makes no part. Returns where the next part begins.
 */
static char *end_part(struct template *t, char *from, char *to, enum template_kind kind)
{
    if (from == to)
        return to;
    *to = '\0';
    t->parts[t->n++] = (struct template_part){.kind = kind, .s = from, .len = (size_t)(to - from)};
    return to + 1;
}

/* Returns the character that the escape at s stands for; NULL: it is invalid, and *why says why. */
static const char *escaped(const char *s, const char **why)
{
    static const char from[] = "nt\\", to[] = "\n\t\\";
    const char *found = s[1] ? strchr(from, s[1]) : NULL;
    *why = "a backslash before something other than n, t or a backslash";
    return found ? &to[found - from] : NULL;
}

static const char *doubled_brace(const char *s, const char **why)
{
    *why = "a '}' without its '{' (write }} for a brace)";
    return s[1] == *s ? s : NULL;
}

/* Adds the part that {name} stands for; open: the list that it lies in, NONE outside of any. False: why says
 * why. */
enum { NONE = -1 };
static bool add_field(struct template *t, char *from, char *to, int *open, const char **why)
{
    enum template_kind kind = *from == '#'   ? TEMPLATE_LIST
                              : *from == '/' ? TEMPLATE_LIST_END
                                             : TEMPLATE_FIELD;
    if (kind == TEMPLATE_FIELD) {
        end_part(t, from, to, kind);
        return true;
    }
    *why = "a list without a name";
    if (from + 1 == to)
        return false;
    end_part(t, from + 1, to, kind);
    if (kind == TEMPLATE_LIST) {
        *why = "a list within a list";
        t->lists = true;
        bool nested = *open != NONE;
        *open = (int)t->n - 1;
        return !nested;
    }
    *why = "the end of a list that was not begun";
    if (*open == NONE || strcmp(t->parts[*open].s, t->parts[t->n - 1].s) != 0)
        return false;
    t->parts[*open].end = t->n - 1;
    *open = NONE;
    return true;
}

static bool has_field(const struct template *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->parts[i].kind == TEMPLATE_FIELD)
            return true;
    return false;
}

static bool parse(struct template *t, const char *text, const char **why, size_t *at)
{
    char *from = t->bytes, *to = from;
    int open = NONE;
    for (const char *s = text; *s;) {
        *at = (size_t)(s - text);
        if (*s == '{' && s[1] != '{') {
            size_t n = strcspn(s + 1, "{}");
            *why = n == 0 ? "a field without a name" : "a '{' without its '}' (write {{ for a brace)";
            if (n == 0 || s[1 + n] != '}')
                return false;
            from = to = end_part(t, from, to, TEMPLATE_TEXT);
            memcpy(to, s + 1, n);
            if (!add_field(t, from, to + n, &open, why))
                return false;
            from = to += n + 1;
            s += n + 2;
        } else if (*s == '\\' || *s == '{' || *s == '}') {
            const char *c = *s == '\\' ? escaped(s, why) : doubled_brace(s, why);
            if (!c)
                return false;
            *to++ = *c;
            s += 2;
        } else {
            *to++ = *s++;
        }
    }
    end_part(t, from, to, TEMPLATE_TEXT);
    *at = 0;
    *why = open == NONE ? "there is no {FIELD} in it" : "a list without its end, {/NAME}";
    return open == NONE && has_field(t);
}

struct template *template_parse(const char *text, const char **why, size_t *at)
{
    struct template *t = template_new(strlen(text));
    *at = 0;
    *why = "out of memory";
    if (!t || parse(t, text, why, at))
        return t;
    template_free(t);
    return NULL;
}

char *template_literal(const char *text, const char **why, size_t *at)
{
    char *literal = malloc(strlen(text) + 1), *to = literal;
    *at = 0;
    *why = "out of memory";
    for (const char *s = text; literal && *s;) {
        const char *c = *s == '\\' ? escaped(s, why) : s;
        *at = (size_t)(s - text);
        if (!c) {
            free(literal);
            return NULL;
        }
        s += *s == '\\' ? 2 : 1;
        *to++ = *c;
    }
    if (literal)
        *to = '\0';
    return literal;
}

struct template *template_of_field(const char *name)
{
    size_t n = strlen(name);
    struct template *t = template_new(n);
    if (!t)
        return NULL;
    memcpy(t->bytes, name, n);
    end_part(t, t->bytes, t->bytes + n, TEMPLATE_FIELD);
    return t;
}

int real_text(double v, bool single, char text[REAL_TEXT])
{
    int n = 0;
    for (int digits = single ? 6 : 15; digits <= 17; digits++) {
        n = snprintf(text, REAL_TEXT, "%.*g", digits, v);
        if (single ? strtof(text, NULL) == (float)v : strtod(text, NULL) == v)
            break;
    }
    return n;
}
