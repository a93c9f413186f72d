#include "pipeline/fetch/source.h"

#include <stdlib.h>
#include <string.h>

/* The first whose prefix fits. */
static const struct scheme *const schemes[] = {&demo_scheme, &hub_scheme,    &web_scheme,
                                               &http_scheme, &corpus_scheme, &file_scheme};

const struct scheme *source_scheme(const char *word)
{
    size_t i = 0;
    while (strncmp(word, schemes[i]->prefix, strlen(schemes[i]->prefix)) != 0)
        i++;
    return schemes[i];
}

struct source *fetch_source_open(struct fetch_options *o, const char *word)
{
    struct source *s = xcalloc(1, sizeof *s);
    *s = (struct source){.scheme = source_scheme(word), .options = o, .word = word, .input = o->input};
    s->scheme->open(s);
    return s;
}

bool fetch_source_next(struct source *s, struct doc *d)
{
    return s->scheme->next(s, d);
}

void fetch_source_close(struct source *s)
{
    s->scheme->close(s);
    free(s);
}

const struct hub_settings *source_settings(struct fetch_options *o)
{
    if (!o->hub.endpoint)
        hub_settings_read(&o->hub);
    return &o->hub;
}
