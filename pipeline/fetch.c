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
#include "pipeline/fetch/inspect.h"
#include "pipeline/fetch/output.h"
#include "pipeline/fetch/source.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/log.h"

#include <string.h>

enum { MAX_JOBS = 64 };

static bool cat, inspect, as_json;
static struct fetch_options options = {.seed = 1,
                                       .max_docs = UINT64_MAX,
                                       .max_bytes = UINT64_MAX,
                                       .jobs = 8,
                                       .input.domain = -1,
                                       .hub.retry_wait_s = 1};

static const struct opt opts[] = {
    {0, NULL, OPT_HEADING, NULL, NULL, "Where to"},
    {'c', "cat", OPT_FLAG, &cat, NULL, "write the documents to standard output, as JSON lines"},
    {'o', "output", OPT_STR, &options.out_dir, "DIR",
     "make one file NAME.jsonl.zst a source in DIR; sources that are\n"
     "there already, from the same origin and options, are left"},
    {'D', "download", OPT_FLAG, &options.download, NULL,
     "bring whole files of the hub into its cache, which huggingface_hub\n"
     "shares, and print where they are"},
    {0, "inspect", OPT_FLAG, &inspect, NULL, "show the columns, codecs and sizes of Parquet files instead"},
    {0, "json", OPT_FLAG, &as_json, NULL, "of --inspect: one JSON object a file"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Which documents"},
    {'n', "limit", OPT_STR, &options.limit, "N|SIZE",
     "stop after N documents, or with the document that reaches\n"
     "SIZE bytes of text (100KB, 1MB, 2GB, 1MiB); with -o, in each file"},
    {'g', "glob", OPT_LIST, &options.input.globs, "GLOB",
     "of directories and repositories, only the files whose name matches\n"
     "('*.py'), or whose path below it does ('lib/*.c'); may be given again"},
    {0, "skip-bad", OPT_FLAG, &options.input.skip_bad, NULL,
     "count bad JSON documents and go on; default: stop with an error"},
    INPUT_OPTIONS(options.input),
    {'s', "seed", OPT_U64, &options.seed, "N", "of the built-in generator (default 1)"},
    {0, NULL, OPT_HEADING, NULL, NULL, "How"},
    {'j', "jobs", OPT_INT, &options.jobs, "N", "downloads side by side (default 8)"},
    {0, "retry-wait", OPT_NUM, &options.hub.retry_wait_s, "SECONDS",
     "pause before a request is repeated, doubled each time, where the\n"
     "server names none (default 1); at most five repetitions"},
    {0, NULL, OPT_HEADING, NULL, NULL, "What of them"},
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
    "fetch --download [OPTION...] hf://...\n"
    "fetch --inspect [--json] FILE...",
    opts,
    "Sources:\n"
    "  FILE             .jsonl .ndjson: one JSON object a line; .json: objects, or an array of them;\n"
    "                   anything else is one document, .txt files are split at lines <|endoftext|>.\n"
    "                   Compressed ones end in .gz .zst .lz4 .bz2 .xz as well, and are read as a\n"
    "                   stream. What cannot be read is an error.\n"
    "                   .parquet: a document a row, of the columns that are needed\n"
    "  DIRECTORY        all files below it in the order of their names; hidden files, symbolic links and\n"
    "                   binary files (with a NUL in them) are left out, with a count\n"
    "  -                standard input: JSON lines, compressed or not\n"
    "  hf://datasets/ORG/NAME[@REVISION]/PATH, hf://ORG/NAME[@REVISION]/PATH (models)\n"
    "                   of the Hugging Face Hub: a file, a folder, a glob (* within a folder, ** across), "
    "or\n"
    "                   without PATH the whole. Of folders, the files .jsonl .ndjson .json .txt (and "
    "compressed)\n"
    "  https://...      a file of any server. Both come through a cache: what is there is not asked for\n"
    "                   again, what broke off is continued, and every byte of the hub's is held against its "
    "hash\n"
    "  demo:DOMAIN      generated text without end, the same for the same seed: language code math ml logic\n"
    "\n"
    "Examples:\n"
    "  fetch --cat demo:math --limit 1MB | head -2\n"
    "  fetch --cat books.jsonl.zst --domain language | tokenize -t tok.json | shard -o tokens/language\n"
    "  fetch --cat /usr/lib/python3.11 --glob '*.py' --domain code | jq -r .id\n"
    "  fetch --cat gsm8k.parquet --text '{question}\\n{answer}' | head -2\n"
    "  fetch -o raw demo:code demo:logic --limit 50MB && fetch --cat raw | wc -l\n"
    "  fetch --cat 'hf://datasets/roneneldan/TinyStories/*train.txt' | head -1\n"
    "\n"
    "The hub: HF_ENDPOINT, HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE, HF_HUB_DOWNLOAD_TIMEOUT and the token "
    "(HF_TOKEN,\n"
    "HF_TOKEN_PATH, or what `hf auth login` left) are those of huggingface_hub.\n"
    "\n"
    "Output is {\"text\": ..., \"id\": ..., \"domain\": ...}, one a line. Bytes that are not UTF-8 become\n"
    "U+FFFD, with a warning. Empty documents are left out. The id is the document's own, else FILE:LINE, or "
    "the\n"
    "file's path. A stream that fails ends with {\"stream_error\":\"fetch\"}, at which tokenize fails, too.\n"
    "Exit: 0 done, 1 failed (the message names file, place and reason), 2 misuse.",
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

/* Refuses what makes no sense before anything is written. */
static void check_sources(char **words, int n)
{
    if (n == 0)
        usage_error("no source given");
    for (int i = 0; i < n; i++) {
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

static void check_options(void)
{
    if (as_json)
        usage_error("--json goes with --inspect");
    if (cat + (options.out_dir != NULL) + options.download != 1)
        usage_error("say where to: one of --cat, -o DIR, --download");
    if (options.domain && (options.input.domain = domain_from_name(options.domain)) < 0)
        usage_error("--domain: '%s' is none of language, code, math, ml, logic, other", options.domain);
    if (options.jobs < 1 || options.jobs > MAX_JOBS)
        usage_error("--jobs: 1 to %d", MAX_JOBS);
    if (!(options.hub.retry_wait_s >= 0 && options.hub.retry_wait_s <= 60))
        usage_error("--retry-wait: 0 to 60 seconds");
    parse_limit();
}

static void inspect_files(char **paths, int n)
{
    if (n == 0)
        usage_error("no file given");
    for (int i = 0; i < n; i++)
        inspect_file(paths[i], as_json);
    close_stdout();
}

int main(int argc, char **argv)
{
    int n = cli_parse(&cli, argc, argv);
    if (inspect) {
        inspect_files(argv, n);
        return 0;
    }
    check_options();
    check_sources(argv, n);
    if (cat) {
        cat_sources(&options, argv, n); /* nothing to commit: signals end it as they end any filter */
        return 0;
    }
    signals_install();
    if (options.download)
        download_sources(argv, n);
    else
        output_sources(&options, argv, n);
    return signal_exit_code();
}
