/*
 * html.c - the page (page.html) with the runs' numbers in it
 *
 * The numbers stand in the page as JSON, in which every '<' is escaped, so that no name or text of a run can
 * end the script that holds it. The page itself puts texts in as text, never as markup, and forbids all
 * requests.
 */
#include "tools/reporter/reporter.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

extern const char page_begin[] __asm__("_binary_tools_reporter_page_html_start");
extern const char page_end[] __asm__("_binary_tools_reporter_page_html_end");

static json_t *real(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

/* Bytes that are not UTF-8, which JSON cannot hold, become a question mark. */
static json_t *text(const char *s)
{
    json_t *v = json_string(s);
    return v ? v : json_string("?");
}

static json_t *column(const struct run *r, size_t offset)
{
    json_t *a = json_array();
    for (size_t i = 0; i < r->n_points; i++) {
        double x;
        memcpy(&x, (const char *)&r->points[i] + offset, sizeof x);
        json_array_append_new(a, real(x));
    }
    return a;
}

static json_t *numbers(const double *v, size_t n)
{
    json_t *a = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(a, real(v[i]));
    return a;
}

static json_t *points(const struct run *r)
{
    static const struct {
        const char *name;
        size_t offset;
    } columns[] = {{"step", offsetof(struct run_point, step)},
                   {"loss", offsetof(struct run_point, loss)},
                   {"grad_norm", offsetof(struct run_point, grad_norm)},
                   {"lr", offsetof(struct run_point, lr)},
                   {"tokens", offsetof(struct run_point, tokens)},
                   {"tokens_per_s", offsetof(struct run_point, tokens_per_s)},
                   {"trained", offsetof(struct run_point, trained)}};
    json_t *o = json_object();
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        json_object_set_new(o, columns[i].name, column(r, columns[i].offset));
    return o;
}

static json_t *validations(const struct run *r)
{
    json_t *a = json_array();
    for (size_t i = 0; i < r->n_val; i++) {
        const struct run_series *s = &r->val[i];
        json_array_append_new(a, json_pack("{s:o, s:o, s:o, s:o}", "name", text(s->name), "step",
                                           numbers(s->step, s->n), "loss", numbers(s->loss, s->n),
                                           "bits_per_byte", numbers(s->bits, s->n)));
    }
    return a;
}

static json_t *events(const struct run *r)
{
    json_t *a = json_array();
    uint64_t first = r->n_events > RUN_EVENTS ? r->n_events - RUN_EVENTS : 0;
    for (uint64_t i = first; i < r->n_events; i++) {
        const struct run_event *e = &r->events[i % RUN_EVENTS];
        json_array_append_new(a, json_pack("{s:o, s:b, s:o}", "step", real(e->step), "bad", (int)e->bad,
                                           "text", text(e->text)));
    }
    return a;
}

static json_t *settings(const struct run *r)
{
    return r->settings ? json_incref(r->settings) : json_object();
}

static json_t *samples(const struct run *r)
{
    json_t *a = json_array();
    uint64_t first = r->n_samples > RUN_SAMPLES ? r->n_samples - RUN_SAMPLES : 0;
    for (uint64_t i = first; i < r->n_samples; i++) {
        const struct run_sample *s = &r->samples[i % RUN_SAMPLES];
        json_array_append_new(a, json_pack("{s:o, s:o, s:o}", "step", real(s->step), "prompt",
                                           text(s->prompt), "text", text(s->text)));
    }
    return a;
}

static json_t *run_numbers(const struct run *r)
{
    return json_pack("{s:o, s:o, s:o, s:f, s:o, s:o, s:o, s:o, s:o}", "name", text(r->name), "model",
                     text(r->model), "backend", text(r->backend), "flops_per_token", r->flops_per_token,
                     "points", points(r), "val", validations(r), "events", events(r), "settings", settings(r),
                     "samples", samples(r));
}

static void put_escaped(FILE *f, const char *json)
{
    for (; *json; json++)
        if (*json == '<')
            fputs("\\u003c", f);
        else
            fputc(*json, f);
}

void report_html(FILE *f, struct run *const *runs, size_t n)
{
    static const char mark[] = "/*DATA*/";
    json_t *list = json_array(), *all = json_pack("{s:o}", "runs", list);
    const char *at = memmem(page_begin, (size_t)(page_end - page_begin), mark, sizeof mark - 1);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, run_numbers(runs[i]));
    char *json = json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(7));
    if (!json || !at)
        die("out of memory");
    fwrite(page_begin, 1, (size_t)(at - page_begin), f);
    put_escaped(f, json);
    at += sizeof mark - 1;
    fwrite(at, 1, (size_t)(page_end - at), f);
    free(json);
    json_decref(all);
}
