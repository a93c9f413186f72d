/* demo.c - which generator writes which domain; sequence and random access */
#include <stdlib.h>
#include "pipeline/demo/demo.h"
#include "pipeline/demo/gen.h"

struct demo {
    int domain;
    uint64_t seed, next;
    struct gen gen;
};

static void (*const writers[N_DOMAINS])(struct gen *) = {
    [DOMAIN_LANGUAGE] = demo_language, [DOMAIN_CODE] = demo_code,
    [DOMAIN_MATH] = demo_math,         [DOMAIN_ML] = demo_ml,
    [DOMAIN_LOGIC] = demo_logic,
};

static bool known(int domain)
{
    return domain >= 0 && domain < N_DOMAINS && writers[domain];
}

static void write_document(struct gen *g, int domain, uint64_t seed, uint64_t i, struct strbuf *text)
{
    strbuf_reset(text);
    gen_begin(g, domain, seed, i, text);
    writers[domain](g);
}

struct demo *demo_new(int domain, uint64_t seed)
{
    if (!known(domain))
        return NULL;
    struct demo *d = xcalloc(1, sizeof *d);
    d->domain = domain;
    d->seed = seed;
    return d;
}

void demo_next(struct demo *d, struct strbuf *text)
{
    write_document(&d->gen, d->domain, d->seed, d->next++, text);
}

void demo_free(struct demo *d)
{
    free(d);
}

int demo_document(int domain, uint64_t seed, uint64_t i, struct strbuf *text)
{
    if (!known(domain))
        return -1;
    struct gen *g = xcalloc(1, sizeof *g);
    write_document(g, domain, seed, i, text);
    free(g);
    return 0;
}
