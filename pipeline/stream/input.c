#include "pipeline/stream/input.h"

#include "formats/tokens.h"
#include "pipeline/lib/apart.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/stream/input_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FIRST_BUFFER = 256 << 10 };
static const char *const stdin_paths[] = {"-"};

static uint64_t size_of_files(const char *const *paths, size_t n)
{
    uint64_t total = 0;
    struct stat st;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(paths[i], "-") == 0 || stat(paths[i], &st) != 0 || !S_ISREG(st.st_mode))
            return 0;
        total += (uint64_t)st.st_size;
    }
    return total;
}

static char *join_text(const struct input_opts *opts)
{
    const char *why;
    size_t at;
    char *join = opts->join ? template_literal(opts->join, &why, &at) : NULL;
    if (opts->join && !join)
        usage_error("--join: '%s': at character %zu: %s", opts->join, at + 1, why);
    return join;
}

/* The template from which docs.c makes the text; NULL: docs.c looks for a single field. */
static struct template *json_template(const struct input_opts *opts)
{
    const char *why;
    size_t at;
    if (opts->template) {
        struct template *t = template_parse(opts->template, &why, &at);
        if (!t)
            usage_error("--text: '%s': at character %zu: %s", opts->template, at + 1, why);
        return t;
    }
    if (!opts->text_field || (!opts->join && !strchr(opts->text_field, '.')))
        return NULL;
    struct template *t = template_of_field(opts->text_field);
    if (!t)
        die("out of memory");
    return t;
}

struct input_part input_part(const struct input_opts *opts)
{
    unsigned long long k, n;
    char end;
    if (!opts->part)
        return (struct input_part){.of = 1};
    if (strspn(opts->part, "0123456789/") != strlen(opts->part) ||
        sscanf(opts->part, "%llu/%llu%c", &k, &n, &end) != 2 || k < 1 || k > n || n > 1 << 30)
        usage_error("--part '%s': want K/N, from 1/N to N/N", opts->part);
    return (struct input_part){.first = k - 1, .of = n};
}

struct input *input_open_sources(const struct input_opts *opts)
{
    struct input *in = xcalloc(1, sizeof *in);
    in->opts = *opts;
    in->opts.join = in->join = join_text(opts);
    in->part = input_part(opts);
    in->parser = doc_parser_new();
    if (!in->parser)
        die("out of memory");
    doc_parser_allow(in->parser, opts->accept_nan, opts->replace_surrogates);
    if (opts->window > 0 && decompress_set_window(opts->window) != 0)
        usage_error("--zstd-window: at most 2GiB");
    in->template = json_template(&in->opts);
    in->cap = FIRST_BUFFER;
    in->buf = xmalloc(in->cap);
    return in;
}

struct input *input_open(const struct input_opts *opts, const char *const *paths, size_t n_paths)
{
    struct input *in = input_open_sources(opts);
    in->paths = n_paths ? paths : stdin_paths;
    in->n_paths = n_paths ? n_paths : 1;
    in->stats.total_bytes = size_of_files(in->paths, in->n_paths);
    for (size_t i = 0; i < in->n_paths; i++)
        apart_input(in->paths[i]);
    return in;
}

void input_bad(struct input *in, uint64_t line, size_t byte, const char *fmt, ...)
{
    char what[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    if (in->stopped) /* the document is only incomplete because of stop_signal */
        return;
    if (!in->opts.skip_bad)
        die("%s:%llu: byte %zu: %s", in->name, (unsigned long long)line, byte, what);
    detail("%s:%llu: byte %zu: %s", in->name, (unsigned long long)line, byte, what);
    in->stats.bad++;
}

bool input_broken(struct input *in, const char *why)
{
    input_bad(in, in->line, 0, "%s", why);
    input_end_file(in);
    return false;
}

void input_set_id(struct input *in, struct doc *d, const char *separator, uint64_t n)
{
    free(in->id);
    in->id = xasprintf("%s%s%llu", in->name, separator, (unsigned long long)n);
    d->id = in->id;
}

bool input_parse(struct input *in, const char *json, size_t len, uint64_t line, struct doc *d)
{
    if (in->opts.raw_json) {
        *d = (struct doc){.text = json, .len = len, .domain = DOMAIN_OTHER};
    } else if ((in->template ? doc_parse_template(in->parser, json, len, in->template, in->opts.join, d)
                             : doc_parse(in->parser, json, len, in->opts.text_field, d)) != 0) {
        size_t byte;
        const char *why = doc_error(in->parser, &byte);
        if (doc_is_stream_error(in->parser))
            die("%s:%llu: %s", in->name, (unsigned long long)line, why);
        input_bad(in, line, byte, "%s", why);
        return false;
    }
    if (!d->id)
        input_set_id(in, d, ":", line);
    return true;
}

/* Each function below looks for one document in the open file: true, or false when there was none this time.
 * At the end of the file it closes the file. */

static void report(const struct input_stats *s)
{
    const struct {
        uint64_t n;
        const char *one, *many;
    } left_out[] = {
        {s->empty, "empty document", "empty documents"},
        {s->links, "symbolic link", "symbolic links"},
    };
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
        if (left_out[i].n > 0)
            say("left out: %llu %s", (unsigned long long)left_out[i].n,
                left_out[i].n == 1 ? left_out[i].one : left_out[i].many);
    if (s->binary > 0)
        warn("left out: %llu binary %s", (unsigned long long)s->binary,
             s->binary == 1 ? "file (NUL in it)" : "files (NUL in them)");
    if (s->repaired > 0)
        warn("%llu %s taken only as --accept-nan or --replace-surrogates asks",
             (unsigned long long)s->repaired, s->repaired == 1 ? "document was" : "documents were");
    if (s->encoded > 0)
        warn("left out: %llu web pages in an HTTP encoding", (unsigned long long)s->encoded);
    if (s->bad > 0)
        warn("left out: %llu bad %s", (unsigned long long)s->bad, s->bad == 1 ? "document" : "documents");
}

/* When every document was left out, the program fails, so that a pipeline does not continue as if all was
 * well. */
static void check_read(const struct input *in)
{
    const struct input_stats *s = &in->stats;
    if (in->stopped || s->docs > 0 || s->bad + s->binary + s->links + s->encoded == 0)
        return;
    report(s);
    die("%s: nothing was read: all that is there was left out", in->paths[0]);
}

static bool input_parquet_row(struct input *in, struct doc *d)
{
    int r = parquet_docs_next(in->parquet, d);
    in->stats.read_bytes = in->read_before + parquet_docs_offset(in->parquet);
    if (r > 0)
        return true;
    if (r < 0 && !in->opts.skip_bad)
        die("%s: %s", in->name, parquet_docs_error(in->parquet));
    if (r < 0) {
        detail("%s: %s", in->name, parquet_docs_error(in->parquet));
        in->stats.bad++;
    }
    if (r != PARQUET_DOCS_BAD_ROW)
        input_end_file(in);
    return false;
}

bool input_next(struct input *in, struct doc *d)
{
    while (input_next_file(in)) {
        bool found = in->kind == JSON_LINES    ? input_json_line(in, d)
                     : in->kind == JSON_VALUES ? input_json_value(in, d)
                     : in->kind == PARQUET     ? input_parquet_row(in, d)
                     : in->kind == TABLE       ? input_table_row(in, d)
                     : in->kind == WARC        ? input_warc_record(in, d)
                                               : input_text(in, d);
        if (!found || in->stopped)
            continue;
        if (d->len == 0) {
            in->stats.empty++;
            continue;
        }
        if (in->found++ % in->part.of != in->part.first)
            continue;
        if (in->opts.domain >= 0)
            d->domain = in->opts.domain;
        in->stats.docs++;
        in->stats.text_bytes += d->len;
        return true;
    }
    check_read(in);
    return false;
}

void input_stats(const struct input *in, struct input_stats *stats)
{
    *stats = in->stats;
    stats->repaired = doc_parser_repaired(in->parser);
}

void input_close(struct input *in)
{
    struct input_stats stats;
    input_stats(in, &stats);
    report(&stats);
    if (in->file || in->parquet)
        input_end_file(in);
    template_free(in->template);
    free(in->join);
    walk_close(in->walk);
    doc_parser_free(in->parser);
    members_close(in->members);
    free(in->plain);
    free(in->recoded);
    free(in->name);
    free(in->buf);
    free(in->id);
    free(in);
}
