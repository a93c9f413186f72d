#include "pipeline/filter/merge.h"

#include "pipeline/filter/duplicates.h"
#include "pipeline/lib/apart.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/text_output.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>

struct source {
    const char *path;
    FILE *f;
    struct signatures_reader *in;
    struct signatures_head head;
    struct signatures_keys next; /* while more */
    bool more;
    char *list;
    struct text_output file;
    struct signatures_writer *out;
};

struct merge {
    struct source *parts; /* in the order of their numbers */
    size_t n;
    struct duplicates *seen;
    uint64_t documents, exact, near;
};

/* Each part has two files open. */
static void allow_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void advance(struct source *p)
{
    char err[1024];
    int rc = signatures_get_keys(p->in, &p->next, err, sizeof err);
    if (rc < 0 && !stop_signal)
        die("%s", err);
    p->more = rc > 0;
}

static void open_source(struct merge *m, const char *path)
{
    char err[1024];
    struct source p = {.path = path, .list = xasprintf("%s.duplicates", path)};
    apart_input(path);
    if (!(p.f = fopen(path, "re")))
        die_errno("%s", path);
    if (!(p.in = signatures_open(p.f, path, SIGNATURES_KEYS, &p.head, err, sizeof err)))
        die("%s", err);
    if (p.head.of != m->n)
        die("%s: offset 16: part %u of %u, but %zu files are given", path, p.head.part, p.head.of, m->n);
    struct source *to = &m->parts[p.head.part - 1];
    if (to->path)
        die("%s: offset 12: part %u of %u is given twice", path, p.head.part, p.head.of);
    *to = p;
}

static void open_lists(struct merge *m)
{
    const struct source *first = &m->parts[0];
    for (size_t i = 0; i < m->n; i++) {
        struct source *p = &m->parts[i];
        if (p->head.exact != first->head.exact || p->head.near != first->head.near)
            die("%s: offset 20: other duplicates are looked for than in %s", p->path, first->path);
        text_output_open(&p->file, p->list);
        if (!(p->out = signatures_create(p->file.f, SIGNATURES_VERDICTS, &p->head)))
            die("out of memory");
        advance(p);
    }
}

static void decide(struct merge *m, struct source *p)
{
    enum rule rule = duplicates_find(m->seen, &p->next);
    m->documents++;
    m->exact += rule == RULE_EXACT_DUPLICATE;
    m->near += rule == RULE_NEAR_DUPLICATE;
    signatures_put_verdict(p->out, rule == RULE_EXACT_DUPLICATE  ? SIGNATURES_EXACT
                                   : rule == RULE_NEAR_DUPLICATE ? SIGNATURES_NEAR
                                                                 : SIGNATURES_STAYS);
}

/* Document number i of the corpus is in part i mod n: each part has one document, or none, of n in a row. */
static void decide_all(struct merge *m)
{
    for (uint64_t row = 0, next; row != UINT64_MAX && !stop_signal; row = next) {
        next = UINT64_MAX;
        for (size_t i = 0; i < m->n; i++) {
            struct source *p = &m->parts[i];
            if (p->more && p->next.number / m->n == row) {
                decide(m, p);
                advance(p);
            }
            if (p->more && p->next.number / m->n < next)
                next = p->next.number / m->n;
        }
        progress("merge", m->documents, 0, "docs", NULL);
    }
    progress_end();
}

static void close_source(struct source *p)
{
    signatures_finish(p->out, signatures_texts(p->in));
    text_output_close(&p->file, !stop_signal);
    signatures_close(p->in);
    fclose(p->f);
    free(p->list);
}

void merge_signatures(const struct filter_options *o, char *const *paths, size_t n)
{
    struct merge m = {.parts = xcalloc(n, sizeof *m.parts), .n = n};
    allow_files();
    for (size_t i = 0; i < n; i++)
        open_source(&m, paths[i]);
    open_lists(&m);
    m.seen = duplicates_new(m.parts[0].head.exact, m.parts[0].head.near, o->memory, o->dir);
    decide_all(&m);
    for (size_t i = 0; i < n; i++)
        close_source(&m.parts[i]);
    if (!stop_signal)
        say("%" PRIu64 " documents of %zu parts: %" PRIu64 " exact duplicates, %" PRIu64
            " near ones; %" PRIu64 " keys in temporary files",
            m.documents, n, m.exact, m.near, duplicates_spilled(m.seen));
    duplicates_free(m.seen);
    free(m.parts);
}
