#include "pipeline/fetch/options.h"

#include "formats/tokens.h"
#include "pipeline/fetch/notes.h"
#include "pipeline/lib/cli.h"

#include <string.h>

enum { MAX_JOBS = 64, MAX_RETRY_WAIT_S = 60 };

struct fetch_options fetch_options = {.seed = 1,
                                      .max_docs = UINT64_MAX,
                                      .max_bytes = UINT64_MAX,
                                      .jobs = 8,
                                      .input.domain = -1,
                                      .hub.retry_wait_s = 1};

static const struct opt opts[] = {
    {0, NULL, OPT_HEADING, NULL, NULL, "Output"},
    {'c', "cat", OPT_FLAG, &fetch_options.cat, NULL, "write the documents to standard output, as JSON lines"},
    {'o', "output", OPT_STR, &fetch_options.out_dir, "DIR",
     "make one file NAME.jsonl.zst a source in DIR; sources that are\n"
     "there already, from the same origin and options, are left"},
    {'D', "download", OPT_FLAG, &fetch_options.download, NULL,
     "bring whole files of the hub into its cache, which huggingface_hub\n"
     "shares, and print where they are"},
    {0, "list", OPT_FLAG, &fetch_options.list, NULL, "print the corpora that have names instead"},
    {0, "inspect", OPT_FLAG, &fetch_options.inspect, NULL,
     "show the columns, codecs and sizes of Parquet files instead"},
    {0, "plan", OPT_STR, &fetch_options.plan, "MIX",
     "say what lies in the folders and in the hub's cache, what a mix\n"
     "('language=40 code=25 math=15 ml=10 logic=10') lacks, and which\n"
     "commands bring it, into -o DIR; nothing is downloaded"},
    {0, "tokens", OPT_STR, &fetch_options.tokens, "N", "with --plan: how many the mix is to have: 2B, 500M"},
    {0, "json", OPT_FLAG, &fetch_options.as_json, NULL, "with --list, --inspect or --plan: print JSON"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Which documents"},
    {'n', "limit", OPT_STR, &fetch_options.limit, "N|SIZE",
     "stop after N documents, or with the document that reaches\n"
     "SIZE bytes of text (100KB, 1MB, 2GB, 1MiB); with -o, in each file"},
    {'g', "glob", OPT_LIST, &fetch_options.input.globs, "GLOB",
     "in directories and repositories, read only files whose name matches\n"
     "('*.py'), or whose path below it does ('lib/*.c'); may be given again"},
    {0, "skip-bad", OPT_FLAG, &fetch_options.input.skip_bad, NULL,
     "count bad JSON documents and go on; default: stop with an error"},
    INPUT_OPTIONS(fetch_options.input),
    {'s', "seed", OPT_U64, &fetch_options.seed, "N", "seed of the built-in generator (default 1)"},
    {0, "corpora", OPT_STR, &fetch_options.corpora, "FILE",
     "add corpora of your own: a JSON array with what --list --json prints"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Downloads"},
    {'j', "jobs", OPT_INT, &fetch_options.jobs, "N", "downloads side by side (default 8)"},
    {0, "retry-wait", OPT_NUM, &fetch_options.hub.retry_wait_s, "SECONDS",
     "pause before a request is repeated, doubled each time, where the\n"
     "server names none (default 1); at most five repetitions"},
    {0, NULL, OPT_HEADING, NULL, NULL, "How documents are read"},
    INPUT_TEXT_OPTS(fetch_options.input),
    {'d', "domain", OPT_STR, &fetch_options.domain, "DOMAIN",
     "mark all as language, code, math, ml, logic or other;\n"
     "default: the document's own domain field, else other"},
    SANDBOX_OPTION(&fetch_options.out_dir),
    {0},
};

static const struct cli cli = {
    "fetch",
    "bring documents from files, directories, pipes, the Hugging Face Hub or the built-in generator",
    "fetch --cat [OPTION...] SOURCE...\nfetch -o DIR [OPTION...] SOURCE...\n"
    "fetch --download [OPTION...] SOURCE...\nfetch --list [--json]\nfetch --plan MIX --tokens N [--json] "
    "[FILE|DIR...]\nfetch --inspect [--json] FILE...",
    opts,
    fetch_notes,
};

static void parse_limit(struct fetch_options *o)
{
    const char *word = o->limit;
    if (!word)
        return;
    bool plain = word[0] != '\0' && word[strspn(word, "0123456789")] == '\0';
    if (parse_bytes(word, plain ? &o->max_docs : &o->max_bytes) != 0)
        usage_error("--limit: '%s' is neither a number of documents nor a size such as 1MB", word);
}

static void check(struct fetch_options *o)
{
    bool output = o->out_dir && !o->plan; /* a plan says what to put there */
    if (o->cat + output + o->download + o->list + o->inspect + (o->plan != NULL) != 1)
        usage_error("say what to do: one of --cat, -o DIR, --download, --list, --inspect, --plan");
    if (o->as_json && !o->list && !o->inspect && !o->plan)
        usage_error("--json goes with --list, --inspect and --plan");
    if (!o->plan != !o->tokens)
        usage_error("--plan needs --tokens, and --tokens goes with it");
    if (o->domain && (o->input.domain = domain_from_name(o->domain)) < 0)
        usage_error("--domain: '%s' is none of language, code, math, ml, logic, other", o->domain);
    if (o->jobs < 1 || o->jobs > MAX_JOBS)
        usage_error("--jobs: 1 to %d", MAX_JOBS);
    if (!(o->hub.retry_wait_s >= 0 && o->hub.retry_wait_s <= MAX_RETRY_WAIT_S))
        usage_error("--retry-wait: 0 to %d seconds", MAX_RETRY_WAIT_S);
    parse_limit(o);
}

int fetch_options_parse(int argc, char **argv)
{
    int n = cli_parse(&cli, argc, argv);
    check(&fetch_options);
    return n;
}
