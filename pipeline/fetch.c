/*
 * fetch - bring documents from where they are: files, directories, pipes, the hub, the built-in generator
 *
 * stdout: --cat       documents as JSON lines (formats/docs.md)
 *         -o DIR      the path of each file that is there and complete
 *         --download  the path of each file of the hub in its cache (formats/hub.md)
 * files:  -o          DIR/NAME.jsonl.zst, one a source, committed whole (fetch/output.h)
 */
#include "pipeline/fetch/copy.h"
#include "pipeline/fetch/corpora.h"
#include "pipeline/fetch/inspect.h"
#include "pipeline/fetch/options.h"
#include "pipeline/fetch/output.h"
#include "pipeline/fetch/plan.h"
#include "pipeline/fetch/source.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/log.h"

/* Refuses what makes no sense before anything is written. */
static void check_sources(struct fetch_options *o, char **words, int n)
{
    if (o->plan)
        return; /* the folders are those it looks into, and none is fine */
    if ((n > 0) == o->list)
        usage_error(o->list ? "--list takes no sources" : "no source given");
    for (int i = 0; i < n && !o->inspect; i++) {
        const struct scheme *scheme = source_scheme(words[i]);
        if (o->download && !scheme->download)
            usage_error("%s: there is nothing to download", words[i]);
        if (scheme->endless && o->out_dir && !o->limit)
            usage_error("%s has no end: -o needs --limit with it", words[i]);
        if (scheme->endless)
            fetch_source_close(fetch_source_open(o, words[i]));
    }
}

static void download_sources(struct fetch_options *o, char **words, int n)
{
    for (int i = 0; i < n && !stop_signal; i++) {
        struct source *s = fetch_source_open(o, words[i]);
        s->scheme->download(s);
        fetch_source_close(s);
    }
    close_stdout();
}

static void inspect_files(const struct fetch_options *o, char **paths, int n)
{
    for (int i = 0; i < n; i++)
        inspect_file(paths[i], o->as_json);
    close_stdout();
}

static void list_corpora(const struct fetch_options *o)
{
    struct corpora own = corpora_read(o->corpora);
    corpora_list(&own, o->as_json);
    close_stdout();
}

static void plan(struct fetch_options *o, char **dirs, int n)
{
    struct plan p;
    plan_begin(&p, o, o->plan, o->tokens);
    plan_inventory(&p, o, dirs, n);
    plan_close_gap(&p);
    if (o->as_json)
        plan_print_json(&p);
    else
        plan_print(&p);
    plan_free(&p);
    close_stdout();
}

int main(int argc, char **argv)
{
    struct fetch_options *o = &fetch_options;
    int n = fetch_options_parse(argc, argv);
    argv = input_operands(&o->input, argv, &n);
    check_sources(o, argv, n);
    if (o->download || (o->out_dir && !o->plan))
        signals_install(); /* elsewhere is nothing to commit: signals end it as they end any filter */
    if (o->plan)
        plan(o, argv, n);
    else if (o->list)
        list_corpora(o);
    else if (o->inspect)
        inspect_files(o, argv, n);
    else if (o->cat)
        cat_sources(o, argv, n);
    else if (o->download)
        download_sources(o, argv, n);
    else
        output_sources(o, argv, n);
    return signal_exit_code();
}
