#include "pipeline/filter/sieve.h"

#include "pipeline/filter/batch.h"
#include "pipeline/filter/seen.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/ordered.h"

#include <math.h>
#include <stdlib.h>

struct run {
    struct sieve *sieve;
    struct judge *judges; /* one a worker */
    struct seen *exact, *near;
};

static void judge_batch(void *arg, size_t worker, void *batch)
{
    struct run *r = arg;
    batch_judge(batch, &r->judges[worker], r->sieve->law);
}

/* Whether one of its bands was there before. All are added: a later document may resemble this one alone. */
static bool is_near(struct seen *near, const struct judgement *j)
{
    bool found = false;
    for (unsigned i = 0; j->has_near && i < BANDS; i++)
        found |= seen_add(near, &j->near[i]);
    return found;
}

static void find_duplicates(struct run *r, struct judgement *j)
{
    if (j->verdict.rule == RULE_KEEP && r->exact && seen_add(r->exact, j->exact))
        j->verdict.rule = RULE_EXACT_DUPLICATE;
    if (j->verdict.rule == RULE_KEEP && r->near && is_near(r->near, j))
        j->verdict.rule = RULE_NEAR_DUPLICATE;
}

/* Writes the line of a dropped document with two more fields: rule, and value where there is one. */
static void write_dropped(struct text_output *out, const char *line, size_t len, const struct verdict *v)
{
    char fields[100];
    int n = snprintf(fields, sizeof fields, ",\"rule\":\"%s\"", rule_names[v->rule]);
    if (isfinite(v->value))
        n += snprintf(fields + n, sizeof fields - (size_t)n, ",\"value\":%.6g", v->value);
    n += snprintf(fields + n, sizeof fields - (size_t)n, "}\n");
    text_output_write(out, line, len - 2); /* without }\n */
    text_output_write(out, fields, (size_t)n);
}

static void write_batch(void *arg, void *batch)
{
    struct run *r = arg;
    struct sieve *s = r->sieve;
    struct batch *b = batch;
    for (size_t i = 0; i < b->n; i++) {
        struct batch_doc *d = &b->docs[i];
        find_duplicates(r, &d->judgement);
        tally_add(&s->tally, &d->judgement, d->text_len);
        if (d->judgement.verdict.rule == RULE_KEEP)
            text_output_write(&s->kept, b->lines.s + d->line_at, d->line_len);
        else if (s->law->options->explain)
            write_dropped(&s->dropped, b->lines.s + d->line_at, d->line_len, &d->judgement.verdict);
    }
    s->tally.replaced += b->replaced;
    tally_publish(&s->tally, s->law->options);
}

static void flush(void *arg)
{
    struct run *r = arg;
    if (fflush(r->sieve->kept.f) != 0)
        die_errno("%s: cannot write", r->sieve->kept.name);
}

static void feed(struct ordered *o, struct input *in)
{
    struct batch *b = NULL;
    struct doc d;
    uint64_t docs = 0;
    while (!stop_signal && input_next(in, &d)) {
        if (!b) {
            b = ordered_get(o);
            batch_empty(b);
        }
        batch_add(b, &d);
        docs++;
        if (!batch_is_full(b))
            continue;
        ordered_put(o);
        b = NULL;
        struct input_stats stats;
        input_stats(in, &stats);
        progress("filter", stats.total_bytes ? stats.read_bytes : docs, stats.total_bytes,
                 stats.total_bytes ? "bytes" : "docs", NULL);
    }
    if (b)
        ordered_put(o);
    progress_end();
}

/* Divides --memory: near-duplicates have BANDS keys of one word a document, exact ones one of two. */
static void open_seen(struct run *r, const struct filter_options *o)
{
    uint64_t exact = o->exact && o->near ? o->memory / (BANDS / 2 + 1) : o->memory;
    if (o->exact)
        r->exact = seen_new(2, exact, o->dir);
    if (o->near)
        r->near = seen_new(1, o->exact ? o->memory - exact : o->memory, o->dir);
}

void sieve_run(struct sieve *s, struct input *in)
{
    const struct filter_options *o = s->law->options;
    size_t n_workers = filter_threads(o), n_batches = n_workers + n_workers / 2 + 2;
    struct run r = {.sieve = s, .judges = xcalloc(n_workers, sizeof *r.judges)};
    void **batches = xcalloc(n_batches, sizeof *batches);
    for (size_t i = 0; i < n_batches; i++)
        batches[i] = batch_new();
    open_seen(&r, o);
    struct ordered_ops ops = {.work = judge_batch, .emit = write_batch, .idle = flush, .arg = &r};
    struct ordered *ordered = ordered_start(&ops, n_workers, batches, n_batches);
    feed(ordered, in);
    ordered_finish(ordered);
    s->tally.spilled = (r.exact ? seen_spilled(r.exact) : 0) + (r.near ? seen_spilled(r.near) : 0);
    seen_free(r.exact);
    seen_free(r.near);
    for (size_t i = 0; i < n_workers; i++)
        judge_free(&r.judges[i]);
    free(r.judges);
    for (size_t i = 0; i < n_batches; i++)
        batch_free(batches[i]);
    free(batches);
}
