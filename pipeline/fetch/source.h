/*
 * source.h - where documents come from: the first word of a source says which scheme reads it
 *
 *   s = fetch_source_open(&options, word)       finds out what there is; nothing is downloaded yet
 *   while (fetch_source_next(s, &d)) ...        d is valid until the next call
 *   fetch_source_close(s)
 *
 * demo:DOMAIN, hf://..., https://..., corpus:NAME, and files. All calls die with a message where a source
 * fails.
 */
#ifndef FETCH_SOURCE_H
#define FETCH_SOURCE_H

#include "pipeline/fetch/options.h"
#include "pipeline/lib/fs.h"

struct source {
    const struct scheme *scheme;
    struct fetch_options *options;
    const char *word;        /* borrowed */
    struct input_opts input; /* the command line's, less what the source knows better */
    void *own;               /* the scheme's */
};

struct source_progress {
    uint64_t done, total; /* bytes; total 0: unknown */
    char extra[80];
};

struct scheme {
    const char *prefix;
    bool endless;
    void (*open)(struct source *s);
    bool (*next)(struct source *s, struct doc *d);
    void (*close)(struct source *s);
    /* Adds what tells whether the source has changed since. */
    void (*recipe)(struct source *s, struct strbuf *b);
    char *(*name)(const char *word); /* what an output file is called, before its ending */
    void (*progress)(struct source *s, struct source_progress *p);
    void (*download)(struct source *s); /* NULL: nothing of it is ever downloaded. Prints the paths */
};

extern const struct scheme demo_scheme, file_scheme, hub_scheme, web_scheme, http_scheme, corpus_scheme;

const struct scheme *source_scheme(const char *word);
struct source *fetch_source_open(struct fetch_options *o, const char *word);
bool fetch_source_next(struct source *s, struct doc *d);
void fetch_source_close(struct source *s);
/* Where the hub is, read from the environment once. */
const struct hub_settings *source_settings(struct fetch_options *o);

#endif
