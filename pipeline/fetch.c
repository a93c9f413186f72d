/*
 * fetch - bring documents from where they are: files, directories, pipes, the hub, the built-in generator
 *
 * stdout: --cat       documents as JSON lines (formats/docs.md)
 *         -o DIR      the path of each file that is there and complete
 *         --download  the path of each file of the hub in its cache (formats/hub.md)
 * files:  -o          DIR/NAME.jsonl.zst, one a source, committed whole (fetch/output.h)
 */
#include "formats/tokens.h"
#include "pipeline/fetch/copy.h"
#include "pipeline/fetch/corpora.h"
#include "pipeline/fetch/inspect.h"
#include "pipeline/fetch/notes.h"
#include "pipeline/fetch/output.h"
#include "pipeline/fetch/source.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/log.h"

#include <string.h>

enum { MAX_JOBS = 64, MAX_RETRY_WAIT_S = 60 };

static bool cat, inspect, list, as_json;
static struct fetch_options options = {.seed = 1,
                                       .max_docs = UINT64_MAX,
                                       .max_bytes = UINT64_MAX,
                                       .jobs = 8,
                                       .input.domain = -1,
                                       .hub.retry_wait_s = 1};

static const struct opt opts[] = {
    {0, NULL, OPT_HEADING, NULL, NULL, "Output"},
    {'c', "cat", OPT_FLAG, &cat, NULL, "write the documents to standard output, as JSON lines"},
    {'o', "output", OPT_STR, &options.out_dir, "DIR",
     "make one file NAME.jsonl.zst a source in DIR; sources that are\n"
     "there already, from the same origin and options, are left"},
    {'D', "download", OPT_FLAG, &options.download, NULL,
     "bring whole files of the hub into its cache, which huggingface_hub\n"
     "shares, and print where they are"},
    {0, "list", OPT_FLAG, &list, NULL, "print the corpora that have names instead"},
    {0, "inspect", OPT_FLAG, &inspect, NULL, "show the columns, codecs and sizes of Parquet files instead"},
    {0, "json", OPT_FLAG, &as_json, NULL, "with --list or --inspect: print JSON"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Which documents"},
    {'n', "limit", OPT_STR, &options.limit, "N|SIZE",
     "stop after N documents, or with the document that reaches\n"
     "SIZE bytes of text (100KB, 1MB, 2GB, 1MiB); with -o, in each file"},
    {'g', "glob", OPT_LIST, &options.input.globs, "GLOB",
     "in directories and repositories, read only files whose name matches\n"
     "('*.py'), or whose path below it does ('lib/*.c'); may be given again"},
    {0, "skip-bad", OPT_FLAG, &options.input.skip_bad, NULL,
     "count bad JSON documents and go on; default: stop with an error"},
    INPUT_OPTIONS(options.input),
    {'s', "seed", OPT_U64, &options.seed, "N", "seed of the built-in generator (default 1)"},
    {0, "corpora", OPT_STR, &options.corpora, "FILE",
     "add corpora of your own: a JSON array with what --list --json prints"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Downloads"},
    {'j', "jobs", OPT_INT, &options.jobs, "N", "downloads side by side (default 8)"},
    {0, "retry-wait", OPT_NUM, &options.hub.retry_wait_s, "SECONDS",
     "pause before a request is repeated, doubled each time, where the\n"
     "server names none (default 1); at most five repetitions"},
    {0, NULL, OPT_HEADING, NULL, NULL, "How documents are read"},
    INPUT_TEXT_OPTS(options.input),
    {'d', "domain", OPT_STR, &options.domain, "DOMAIN",
     "mark all as language, code, math, ml, logic or other;\n"
     "default: the document's own domain field, else other"},
    {0},
};

static const struct cli cli = {
    "fetch",
    "bring documents from files, directories, pipes, the Hugging Face Hub or the built-in generator",
    "fetch --cat [OPTION...] SOURCE...\nfetch -o DIR [OPTION...] SOURCE...\n"
    "fetch --download [OPTION...] SOURCE...\nfetch --list [--json]\nfetch --inspect [--json] FILE...",
    opts,
    fetch_notes,
};

static void parse_limit(void)
{
    const char *word = options.limit;
    if (!word)
        return;
    bool plain = word[0] != '\0' && word[strspn(word, "0123456789")] == '\0';
    if (parse_bytes(word, plain ? &options.max_docs : &options.max_bytes) != 0)
        usage_error("--limit: '%s' is neither a number of documents nor a size such as 1MB", word);
}

static void check_options(void)
{
    if (cat + (options.out_dir != NULL) + options.download + list + inspect != 1)
        usage_error("say what to do: one of --cat, -o DIR, --download, --list, --inspect");
    if (as_json && !list && !inspect)
        usage_error("--json goes with --list and --inspect");
    if (options.domain && (options.input.domain = domain_from_name(options.domain)) < 0)
        usage_error("--domain: '%s' is none of language, code, math, ml, logic, other", options.domain);
    if (options.jobs < 1 || options.jobs > MAX_JOBS)
        usage_error("--jobs: 1 to %d", MAX_JOBS);
    if (!(options.hub.retry_wait_s >= 0 && options.hub.retry_wait_s <= MAX_RETRY_WAIT_S))
        usage_error("--retry-wait: 0 to %d seconds", MAX_RETRY_WAIT_S);
    parse_limit();
}

/* Refuses what makes no sense before anything is written. */
static void check_sources(char **words, int n)
{
    if ((n > 0) == list)
        usage_error(list ? "--list takes no sources" : "no source given");
    for (int i = 0; i < n && !inspect; i++) {
        const struct scheme *scheme = source_scheme(words[i]);
        if (options.download && !scheme->download)
            usage_error("%s: there is nothing to download", words[i]);
        if (scheme->endless && options.out_dir && !options.limit)
            usage_error("%s has no end: -o needs --limit with it", words[i]);
        if (scheme->endless)
            fetch_source_close(fetch_source_open(&options, words[i]));
    }
}

static void download_sources(char **words, int n)
{
    for (int i = 0; i < n && !stop_signal; i++) {
        struct source *s = fetch_source_open(&options, words[i]);
        s->scheme->download(s);
        fetch_source_close(s);
    }
    close_stdout();
}

static void inspect_files(char **paths, int n)
{
    for (int i = 0; i < n; i++)
        inspect_file(paths[i], as_json);
    close_stdout();
}

static void list_corpora(void)
{
    struct corpora own = corpora_read(options.corpora);
    corpora_list(&own, as_json);
    close_stdout();
}

int main(int argc, char **argv)
{
    int n = cli_parse(&cli, argc, argv);
    check_options();
    check_sources(argv, n);
    if (options.download || options.out_dir)
        signals_install(); /* elsewhere is nothing to commit: signals end it as they end any filter */
    if (list)
        list_corpora();
    else if (inspect)
        inspect_files(argv, n);
    else if (cat)
        cat_sources(&options, argv, n);
    else if (options.download)
        download_sources(argv, n);
    else
        output_sources(&options, argv, n);
    return signal_exit_code();
}
