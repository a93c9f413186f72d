#include "pipeline/filter/language.h"

#include "pipeline/filter/fasttext.h"
#include "pipeline/filter/fasttext_check.h"
#include "pipeline/lib/apart.h"
#include "pipeline/lib/log.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_NAMES = 64 };

struct language {
    struct fasttext_model *model;
    const char *path;
    char *names[MAX_NAMES];
    size_t n_names;
};

/* The name of a language in a label, which is __label__NAME. */
static const char *label_name(const char *label)
{
    static const char prefix[] = "__label__";
    return strncmp(label, prefix, sizeof prefix - 1) == 0 ? label + sizeof prefix - 1 : label;
}

static void read_names(struct language *l, const char *names)
{
    do {
        const char *comma = strchrnul(names, ',');
        if (l->n_names == MAX_NAMES)
            die("--language: at most %d languages", MAX_NAMES);
        l->names[l->n_names++] = xasprintf("%.*s", (int)(comma - names), names);
        names = *comma ? comma + 1 : comma;
    } while (*names);
}

struct search {
    const struct language *l;
    double best;
    bool found[MAX_NAMES];
};

static void look(void *arg, const char *label, double probability)
{
    struct search *s = arg;
    for (size_t i = 0; i < s->l->n_names; i++)
        if (strcmp(label_name(label), s->l->names[i]) == 0) {
            s->found[i] = true;
            s->best = probability > s->best ? probability : s->best;
        }
}

static struct search predict(const struct language *l, const char *line, size_t len)
{
    struct search s = {.l = l};
    if (fasttext_predict(l->model, line, len, look, &s) != 0)
        die("%s: out of memory", l->path);
    return s;
}

struct language *language_open(const char *model, const char *names)
{
    struct language *l = xcalloc(1, sizeof *l);
    char err[200];
    uint64_t offset;
    size_t n;
    apart_input(model);
    l->path = model;
    read_names(l, names);
    void *bytes = read_file(model, &n, SIZE_MAX - 1);
    const char *why = fasttext_check(bytes, n, &offset);
    if (why)
        die("%s: offset %llu: %s", model, (unsigned long long)offset, why);
    if (!(l->model = fasttext_load(bytes, n, err, sizeof err)))
        die("%s: %s", model, err);
    free(bytes);
    struct search s = predict(l, "a\n", 2);
    for (size_t i = 0; i < l->n_names; i++)
        if (!s.found[i])
            die("%s: has no label for the language %s", model, l->names[i]);
    return l;
}

double language_score(const struct language *l, struct strbuf *line, struct span text)
{
    strbuf_reset(line);
    strbuf_add(line, text.s, text.len);
    for (char *c = line->s; (c = memchr(c, '\n', (size_t)(line->s + line->len - c)));)
        *c = ' ';
    strbuf_add(line, "\n", 1);
    return predict(l, line->s, line->len).best;
}

void language_close(struct language *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->n_names; i++)
        free(l->names[i]);
    fasttext_free(l->model);
    free(l);
}
