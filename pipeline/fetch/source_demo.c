/*
 * source_demo.c - demo:DOMAIN, the built-in generator: text without end, the same for the same seed
 */
#include "pipeline/fetch/source.h"

#include "formats/tokens.h"
#include "pipeline/demo/demo.h"
#include "pipeline/lib/cli.h"

#include <stdlib.h>
#include <string.h>

struct demo_source {
    struct demo *demo;
    int domain;
    struct strbuf text, id; /* of the current document */
    uint64_t n;             /* documents so far, of all parts */
    struct input_part part;
};

static void demo_open(struct source *s)
{
    struct demo_source *g = s->own = xcalloc(1, sizeof *g);
    g->part = input_part(&s->options->input);
    g->domain = domain_from_name(s->word + strlen("demo:"));
    g->demo = g->domain < 0 ? NULL : demo_new(g->domain, s->options->seed);
    if (!g->demo)
        usage_error("%s: no such generator; there are demo:language demo:code demo:math demo:ml demo:logic",
                    s->word);
}

static bool demo_next_doc(struct source *s, struct doc *d)
{
    struct demo_source *g = s->own;
    do
        demo_next(g->demo, &g->text);
    while (g->n++ % g->part.of != g->part.first);
    strbuf_reset(&g->id);
    strbuf_addf(&g->id, "%s:%llu:%llu", s->word, (unsigned long long)s->options->seed,
                (unsigned long long)(g->n - 1));
    *d = (struct doc){.text = g->text.s,
                      .len = g->text.len,
                      .id = g->id.s,
                      .domain = s->input.domain >= 0 ? s->input.domain : g->domain};
    return true;
}

static void demo_close(struct source *s)
{
    struct demo_source *g = s->own;
    demo_free(g->demo);
    strbuf_free(&g->text);
    strbuf_free(&g->id);
    free(g);
}

static void demo_recipe(struct source *s, struct strbuf *b)
{
    strbuf_addf(b, "seed %llu\ngenerator %s\n", (unsigned long long)s->options->seed, tritter_version);
}

const struct scheme demo_scheme = {
    .prefix = "demo:",
    .endless = true,
    .open = demo_open,
    .next = demo_next_doc,
    .close = demo_close,
    .recipe = demo_recipe,
    .name = xstrdup,
};
