#include "pipeline/filter/options.h"

#include "formats/tokens.h"
#include "pipeline/filter/seen.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/ordered.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_THREADS = 64 };

struct filter_options filter_options = {
    .input.domain = -1, .output = "-", .sample = 1, .language_threshold = 0.65, .memory = 1 << 30};

static const char *rules, *without, *domain;

static const struct opt opts[] = {
    {'o', "output", OPT_STR, &filter_options.output, "WHERE", "- or a file (default -)"},
    {'x', "explain", OPT_STR, &filter_options.explain, "FILE",
     "write the documents that are dropped, each with the rule that dropped it and\n"
     "the value that the rule measured"},
    {0, "json", OPT_FLAG, &filter_options.json, NULL, "print the summary as JSON"},
    {'j', "threads", OPT_INT, &filter_options.threads, "N",
     "worker threads (default: one a processor); the output is the same"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Which documents are dropped, in this order"},
    {0, "sample", OPT_SHARE, &filter_options.sample, "SHARE",
     "all but this share, drawn by a hash of the text (default 1)"},
    {'s', "seed", OPT_U64, &filter_options.seed, "N", "seed of --sample (default 0)"},
    {0, "language", OPT_STR, &filter_options.languages, "LIST",
     "those in other languages than these, as the model names them: en,de"},
    {0, "language-model", OPT_STR, &filter_options.language_model, "FILE",
     "a fastText model, such as lid.176.ftz from fasttext.cc"},
    {0, "language-threshold", OPT_SHARE, &filter_options.language_threshold, "SHARE",
     "the probability that a language must reach (default 0.65)"},
    {'r', "rules", OPT_STR, &rules, "LIST",
     "those that break rules: gopher-repetition, gopher-quality, c4, fineweb, applied\n"
     "as they are listed; c4 takes lines away"},
    {0, "without", OPT_STR, &without, "LIST", "leave these rules out, by the names that the summary shows"},
    {0, "decontaminate", OPT_LIST, &filter_options.evaluations, "FILE",
     "those that have 13 words in a row in common with this evaluation file; may be\n"
     "given again"},
    {0, "exact-duplicates", OPT_FLAG, &filter_options.exact, NULL,
     "those whose text was there before; white space is not compared"},
    {0, "near-duplicates", OPT_FLAG, &filter_options.near, NULL,
     "those of which most was there before in one document (MinHash of 5 words,\n"
     "14 bands of 8)"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Duplicates over several jobs, each with its --part"},
    {0, "signatures", OPT_STR, &filter_options.signatures, "FILE",
     "drop no duplicates, but write the signatures of the documents here"},
    {0, "merge", OPT_FLAG, &filter_options.merge, NULL,
     "the operands are such files, of all parts: find the duplicates that one job\n"
     "would find, and write a list of them beside each, as FILE.duplicates"},
    {0, "duplicates", OPT_STR, &filter_options.duplicates, "FILE",
     "drop the duplicates of this list from the documents that were signed"},
    {0, NULL, OPT_HEADING, NULL, NULL, "What happens to the others"},
    {0, "mask-personal", OPT_FLAG, &filter_options.mask, NULL,
     "e-mail addresses become email@example.com, public IP addresses 192.0.2.1"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Memory"},
    {0, "memory", OPT_BYTES, &filter_options.memory, "SIZE",
     "for what was there before (default 1GiB); above it, temporary files are used"},
    {0, "tmp", OPT_STR, &filter_options.dir, "DIR", "where they are (default $TMPDIR, else /tmp)"},
    {0, NULL, OPT_HEADING, NULL, NULL, "How documents are read"},
    INPUT_TEXT_OPTS(filter_options.input),
    {'d', "domain", OPT_STR, &domain, "DOMAIN",
     "mark all as language, code, math, ml, logic or other\n"
     "(default: each document's own)"},
    INPUT_FILE_OPTS(filter_options.input),
    INPUT_OPTIONS(filter_options.input),
    {0},
};

static const struct cli cli = {
    "filter",
    "drop documents: duplicates, what breaks quality rules, other languages, evaluation texts",
    "filter [OPTION...] [DOCUMENTS...]\n"
    "filter --part K/N --signatures FILE [OPTION...] [DOCUMENTS...]\n"
    "filter --merge [--memory SIZE] [--tmp DIR] SIGNATURES...\n"
    "filter --duplicates FILE [OPTION...] [DOCUMENTS...]",
    opts,
    "Reads documents as JSON lines from standard input, or from files and directories as fetch does. Writes\n"
    "those that stay as JSON lines, in their order, and on standard error how many each rule has dropped. "
    "The\n"
    "first of several equal documents stays. The rules, their limits and sources: pipeline/filter/rules.md.\n"
    "\n"
    "Examples:\n"
    "  fetch --cat corpus:openwebmath | filter --exact-duplicates --near-duplicates | tokenize -t tok.json | "
    "shard -o math\n"
    "  filter --rules gopher-repetition,gopher-quality,c4,fineweb --without line-filter-no_terminal_punc \\\n"
    "      --explain dropped.jsonl web.jsonl.zst >kept.jsonl\n"
    "  filter --language en --language-model lid.176.ftz --decontaminate piqa.val.jsonl web.jsonl.zst "
    ">kept.jsonl\n"
    "  filter --part 2/3 --near-duplicates --signatures 2.sig -o 2.jsonl raw/   # as well 1/3 and 3/3, then\n"
    "  filter --merge [123].sig; filter --duplicates 2.sig.duplicates -o 2.kept.jsonl 2.jsonl   # as well 1 "
    "and 3\n"
    "\n"
    "Exit: 0 done, 1 failed (the message names file, place and reason), 2 misuse, 128+n ended by signal n.",
};

static void parse_rules(struct filter_options *o)
{
    char *unknown;
    if (rules && (unknown = rules_parse_sets(&o->rules, rules)))
        usage_error("--rules: '%s' is none of gopher-quality, gopher-repetition, c4, fineweb, or given twice",
                    unknown);
    if (without && (unknown = rules_parse_without(&o->rules, without)))
        usage_error("--without: there is no rule '%s', or it is given twice", unknown);
    if (without && !rules)
        usage_error("--without goes with --rules");
}

/* Whether a document is judged by itself. */
static bool judges(const struct filter_options *o)
{
    return o->mask || o->rules.n_sets > 0 || o->languages || o->evaluations.n > 0 || o->sample < 1;
}

static bool is_standard_output(const char *where)
{
    return where && strcmp(where, "-") == 0;
}

static void check_parts(const struct filter_options *o)
{
    if (is_standard_output(o->output) + is_standard_output(o->explain) + is_standard_output(o->signatures) >
        1)
        usage_error("-o, -x and --signatures: one of them at most is standard output");
    if ((o->signatures != NULL) + (o->duplicates != NULL) + o->merge > 1)
        usage_error("--signatures, --merge and --duplicates are three steps: one at a time");
    if (o->signatures && !o->exact && !o->near)
        usage_error("--signatures goes with --exact-duplicates or --near-duplicates");
    if ((o->merge || o->duplicates) && (judges(o) || o->exact || o->near || o->input.part))
        usage_error("--%s takes no other words on what to drop: they were --signatures' (and so was --part)",
                    o->merge ? "merge" : "duplicates");
    if (o->merge && (o->explain || o->json || !is_standard_output(o->output)))
        usage_error("--merge: not with -o, -x or --json: each list is written beside its signatures");
}

static void check(struct filter_options *o)
{
    if (domain && (o->input.domain = domain_from_name(domain)) < 0)
        usage_error("--domain: '%s' is none of language, code, math, ml, logic, other", domain);
    parse_rules(o);
    if (!o->languages != !o->language_model)
        usage_error("--language and --language-model go together");
    if (o->threads < 0 || o->threads > 1024)
        usage_error("-j %lld: from 1 to 1024 threads, or 0 for one a processor", (long long)o->threads);
    if (o->memory < 16 * SEEN_LEAST)
        usage_error("--memory: at least 1MiB");
    check_parts(o);
    if (!judges(o) && !o->exact && !o->near && !o->merge && !o->duplicates)
        usage_error("say what to drop or to mask");
    if (!o->dir)
        o->dir = getenv("TMPDIR");
    if (!o->dir || !*o->dir)
        o->dir = "/tmp";
    if (!is_dir(o->dir))
        usage_error("--tmp: %s is no directory", o->dir);
}

int filter_options_parse(int argc, char **argv)
{
    int n = cli_parse(&cli, argc, argv);
    check(&filter_options);
    return n;
}

size_t filter_threads(const struct filter_options *o)
{
    size_t n = o->threads ? (size_t)o->threads : processors();
    return n < MAX_THREADS ? n : MAX_THREADS;
}
