#include "pipeline/filter/sieve.h"

#include "pipeline/filter/batch.h"
#include "pipeline/filter/duplicates.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/ordered.h"

#include <math.h>
#include <stdlib.h>

struct run {
    struct sieve *sieve;
    struct judge *judges;    /* one a worker */
    struct duplicates *seen; /* NULL: no duplicates are looked for, or in another run */
};

static void judge_batch(void *arg, size_t worker, void *batch)
{
    struct run *r = arg;
    batch_judge(batch, &r->judges[worker], r->sieve->law);
}

/* Decides on a document that no rule drops, in the order of arrival. */
static enum rule find_duplicate(struct run *r, const struct batch *b, struct batch_doc *d)
{
    struct sieve *s = r->sieve;
    if (s->part)
        return part_next(s->part, &d->judgement.keys, b->lines.s + d->line_at, d->line_len);
    return r->seen ? duplicates_find(r->seen, &d->judgement.keys) : RULE_KEEP;
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
        if (d->judgement.verdict.rule == RULE_KEEP)
            d->judgement.verdict.rule = find_duplicate(r, b, d);
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
        batch_add(b, &d, input_number(in));
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

void sieve_run(struct sieve *s, struct input *in)
{
    const struct filter_options *o = s->law->options;
    size_t n_workers = filter_threads(o), n_batches = n_workers + n_workers / 2 + 2;
    struct run r = {.sieve = s, .judges = xcalloc(n_workers, sizeof *r.judges)};
    void **batches = xcalloc(n_batches, sizeof *batches);
    for (size_t i = 0; i < n_batches; i++)
        batches[i] = batch_new();
    if ((o->exact || o->near) && !s->part)
        r.seen = duplicates_new(o->exact, o->near, o->memory, o->dir);
    struct ordered_ops ops = {.work = judge_batch, .emit = write_batch, .idle = flush, .arg = &r};
    struct ordered *ordered = ordered_start(&ops, n_workers, batches, n_batches);
    feed(ordered, in);
    ordered_finish(ordered);
    s->tally.spilled = r.seen ? duplicates_spilled(r.seen) : 0;
    duplicates_free(r.seen);
    for (size_t i = 0; i < n_workers; i++)
        judge_free(&r.judges[i]);
    free(r.judges);
    for (size_t i = 0; i < n_batches; i++)
        batch_free(batches[i]);
    free(batches);
}
