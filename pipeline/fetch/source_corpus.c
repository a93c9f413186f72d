/*
 * source_corpus.c - corpus:NAME, a data set of the table: where it is, which files, which columns, which
 * domain
 */
#include "pipeline/fetch/corpora.h"
#include "pipeline/fetch/heritage.h"
#include "pipeline/fetch/remote.h"

#include "pipeline/lib/log.h"

#include <stdlib.h>
#include <string.h>

struct corpus_source {
    const struct corpus *corpus;
    char *word;
    struct remote *remote;
    struct heritage *heritage; /* NULL: the remote's documents are those of the corpus */
    bool end;                  /* the remote has no more */
};

static const struct corpus *find(const struct source *s)
{
    const char *name = s->word + strlen("corpus:");
    const struct corpora own = corpora_read(s->options->corpora);
    const struct corpus *c = corpora_find(&own, name);
    if (!c)
        die("%s: there is no corpus of this name: fetch --list shows those there are", s->word);
    return c;
}

static void corpus_open(struct source *s)
{
    struct corpus_source *c = s->own = xcalloc(1, sizeof *c);
    c->corpus = find(s);
    c->word = corpus_word(c->corpus);
    corpus_set_input(c->corpus, &s->input); /* the command line's words come before the table's */
    c->remote = remote_open(s, c->word);
    if (c->corpus->heritage)
        c->heritage = heritage_open(source_settings(s->options), (unsigned)s->options->jobs);
}

static bool corpus_next(struct source *s, struct doc *d)
{
    struct corpus_source *c = s->own;
    if (!c->heritage)
        return remote_next(c->remote, d);
    while (!c->end && heritage_wants(c->heritage)) {
        c->end = !remote_next(c->remote, d);
        if (!c->end)
            heritage_add(c->heritage, d->text, d->len, d->domain);
    }
    return heritage_next(c->heritage, d);
}

static void report(const struct source *s, const struct heritage *h)
{
    struct heritage_counts n;
    heritage_counts(h, &n);
    if (n.missing + n.damaged + n.odd > 0)
        say("%s: %llu texts; left out: %llu missing, %llu damaged; %llu had bytes that are not of their "
            "encoding",
            s->word, (unsigned long long)n.texts, (unsigned long long)n.missing,
            (unsigned long long)n.damaged, (unsigned long long)n.odd);
}

static void corpus_close(struct source *s)
{
    struct corpus_source *c = s->own;
    if (c->heritage) {
        report(s, c->heritage);
        heritage_close(c->heritage);
    }
    remote_close(c->remote);
    free(c->word);
    free(c);
}

static void corpus_recipe(struct source *s, struct strbuf *b)
{
    struct corpus_source *c = s->own;
    strbuf_addf(b, "word %s\ntext %s\n", c->word, c->corpus->text ? c->corpus->text : "");
    remote_recipe(c->remote, b);
}

static void corpus_progress(struct source *s, struct source_progress *p)
{
    remote_progress(((struct corpus_source *)s->own)->remote, p);
}

static void corpus_download(struct source *s)
{
    remote_download(((struct corpus_source *)s->own)->remote);
}

static char *corpus_name(const char *word)
{
    return xstrdup(word + strlen("corpus:"));
}

const struct scheme corpus_scheme = {
    .prefix = "corpus:",
    .open = corpus_open,
    .next = corpus_next,
    .close = corpus_close,
    .recipe = corpus_recipe,
    .name = corpus_name,
    .progress = corpus_progress,
    .download = corpus_download,
};
