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
    char *labels[MAX_NAMES];
    size_t n_labels;
};

/* Keeps the labels of the languages: __label__NAME. */
static void read_names(struct language *l, const char *names)
{
    do {
        const char *comma = strchrnul(names, ',');
        if (l->n_labels == MAX_NAMES)
            die("--language: at most %d languages", MAX_NAMES);
        char *label = xasprintf("__label__%.*s", (int)(comma - names), names);
        if (!fasttext_has(l->model, label))
            die("%s: has no label for the language %.*s", l->path, (int)(comma - names), names);
        l->labels[l->n_labels++] = label;
        names = *comma ? comma + 1 : comma;
    } while (*names);
}

struct search {
    const struct language *l;
    double best;
};

static void look(void *arg, const char *label, double probability)
{
    struct search *s = arg;
    for (size_t i = 0; i < s->l->n_labels; i++)
        if (strcmp(label, s->l->labels[i]) == 0 && probability > s->best)
            s->best = probability;
}

struct language *language_open(const char *model, const char *names)
{
    struct language *l = xcalloc(1, sizeof *l);
    char err[200];
    uint64_t offset;
    size_t n;
    apart_input(model);
    l->path = model;
    void *bytes = read_file(model, &n, SIZE_MAX - 1);
    const char *why = fasttext_check(bytes, n, &offset);
    if (why)
        die("%s: offset %llu: %s", model, (unsigned long long)offset, why);
    if (!(l->model = fasttext_load(bytes, n, err, sizeof err)))
        die("%s: %s", model, err);
    free(bytes);
    read_names(l, names);
    return l;
}

double language_score(const struct language *l, struct strbuf *line, struct span text)
{
    strbuf_reset(line);
    strbuf_add(line, text.s, text.len);
    for (char *c = line->s; (c = memchr(c, '\n', (size_t)(line->s + line->len - c)));)
        *c = ' ';
    strbuf_add(line, "\n", 1);
    struct search s = {.l = l};
    char err[200];
    if (fasttext_predict(l->model, line->s, line->len, look, &s, err, sizeof err) != 0)
        die("%s: %s", l->path, err);
    return s.best;
}

void language_close(struct language *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->n_labels; i++)
        free(l->labels[i]);
    fasttext_free(l->model);
    free(l);
}
