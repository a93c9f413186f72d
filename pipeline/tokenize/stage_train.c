/*
 * stage_train.c - tokenize train: learn a byte-level BPE, write tokenizer.json
 *
 * Threads count the pre-tokens (train_words.h); merges are learned from the counts in one thread
 * (bpe_train.h).
 */
#include "pipeline/tokenize/stage.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "pipeline/lib/cli.h"
#include "pipeline/lib/log.h"
#include "pipeline/text/learn/bpe_train.h"
#include "pipeline/text/learn/train_words.h"
#include "pipeline/text/vocabulary/vocabulary.h"

static const char *output, *counts;
static bool merge;
static uint64_t vocab_size = 65536, min_count = 2, memory = 1 << 30;
static struct feed_opts feed = {.name = "count", .max_bytes = UINT64_MAX, .sample = 1};
static int64_t threads;
static struct input_opts input_opts = {.domain = -1};

static const struct opt opts[] = {
    {'n', "vocab-size", OPT_U64, &vocab_size, "N", "number of ids, all kinds together (default 65536)"},
    {'o', "output", OPT_STR, &output, "FILE", "write tokenizer.json here; - is standard output"},
    {0, "minfreq", OPT_U64, &min_count, "N", "leave pairs that occur fewer than N times apart (default 2)"},
    {0, "limit", OPT_BYTES, &feed.max_bytes, "SIZE",
     "stop with the document that reaches SIZE bytes of text"},
    {0, "sample", OPT_SHARE, &feed.sample, "SHARE",
     "learn from this share of the documents, drawn at random (default 1)"},
    {0, "seed", OPT_U64, &feed.seed, "N", "seed of that draw (default 0)"},
    {0, "memory", OPT_BYTES, &memory, "SIZE",
     "use about this much (default 1GiB). More words than fit are counted on disk,\n"
     "in $TMPDIR or /tmp; if merging takes more, the rarest words are left out,\n"
     "and that is said"},
    {0, "counts", OPT_STR, &counts, "FILE",
     "only count the words, and write the counts here: a job of several, with --part"},
    {0, "merge", OPT_FLAG, &merge, NULL,
     "the operands are such files, all parts of a corpus: learn what one job would learn"},
    {'j', "threads", OPT_INT, &threads, "N",
     "threads that count (default: one a processor); the result is the same"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Documents"},
    INPUT_TEXT_OPTS(input_opts),
    INPUT_FILE_OPTS(input_opts),
    INPUT_OPTIONS(input_opts),
    SANDBOX_OPTION(&output),
    {0},
};

static const struct cli cli = {
    "tokenize",
    "train: learn a byte-level BPE tokenizer",
    "tokenize train -n N -o FILE [OPTION...] [DOCUMENTS...]\n"
    "tokenize train --part K/N --counts FILE [OPTION...] [DOCUMENTS...]\n"
    "tokenize train --merge -n N -o FILE [OPTION...] COUNTS...",
    opts,
    "Documents are files and directories as fetch reads them; none, or -, is standard input (JSON lines).\n"
    "The ids: 256 bytes, merges, then special tokens (32; 256 from 49,152 ids on); from 65,536 ids on also "
    "8,192\n"
    "image and 8,192 audio codes. Text is cut by the Qwen2 pattern first. The file is read by the tokenizers "
    "library.\n"
    "The same documents and options give the same file.\n"
    "\n"
    "Examples:\n"
    "  tokenize train -n 8192 -o tok.json language.jsonl.zst math.jsonl.zst\n"
    "  fetch --cat raw/ | tokenize train -n 65536 --limit 2GB -o tok.json -\n"
    "  tokenize train --part 2/3 --counts 2.counts raw/; tokenize train --merge -n 65536 -o tok.json "
    "[123].counts\n"
    "\n"
    "Exit: 0 done, 1 failed (the message names file, place and reason), 2 misuse, 128+n ended by signal n.",
};

static void show_progress(uint32_t done, uint32_t total)
{
    progress("merge", done, total, "tokens", NULL);
}

static void write_tokenizer(const struct tokenizer *t, struct text_output *out)
{
    size_t len;
    char *json = tokenizer_to_json(t, &len);
    text_output_write(out, json, len);
    text_output_close(out, true);
    free(json);
}

static void check_options(void)
{
    if (counts && (output || merge || feed.max_bytes != UINT64_MAX))
        usage_error("--counts: not with -o, --merge or --limit");
    if (merge && (input_opts.part || feed.max_bytes != UINT64_MAX || feed.sample < 1))
        usage_error("--merge: not with --part, --limit or --sample: the documents are counted");
    if (!output && !counts)
        usage_error("where to? -o tokenizer.json");
    if (vocab_size < BPE_MIN_VOCAB || vocab_size > VOCABULARY_MAX)
        usage_error("-n %llu: a vocabulary has from %d to %d ids", (unsigned long long)vocab_size,
                    (int)BPE_MIN_VOCAB, (int)VOCABULARY_MAX);
    if (memory < 16 << 20)
        usage_error("--memory: at least 16MiB");
    if (min_count == 0)
        min_count = 1;
}

static double peak_megabytes(void)
{
    struct rusage u;
    return getrusage(RUSAGE_SELF, &u) == 0 ? (double)u.ru_maxrss * 1024 / 1e6 : 0;
}

static void say_what_is_missing(const struct train_totals *totals, uint32_t merges)
{
    uint32_t wanted = vocabulary_layout((uint32_t)vocab_size).n_text - 256;
    if (totals->spilled)
        detail("%.1f MB of counts went through the disk", (double)totals->spilled / 1e6);
    if (totals->left_out)
        warn("%llu of %llu different words were left out, rare ones (up to %llu times): more --memory would "
             "take them in",
             (unsigned long long)totals->left_out, (unsigned long long)totals->words,
             (unsigned long long)totals->left_out_count);
    if (merges < wanted)
        warn("only %u merges occur %llu times or more: ids %u to %u are unused", merges,
             (unsigned long long)min_count, 256 + merges, 255 + wanted);
}

static struct train_words *count_documents(char **operands, size_t n)
{
    static const char *const standard_input = "-";
    struct input *in =
        input_open(&input_opts, n > 0 ? (const char *const *)operands : &standard_input, n > 0 ? n : 1);
    struct train_words *words = train_words_count(in, &feed, stage_threads(threads), memory / 5 * 2);
    input_close(in);
    return words;
}

/* --counts: the words of a part, for --merge. */
static int write_counts(struct train_words *words, struct text_output *out)
{
    struct input_part part = input_part(&input_opts);
    struct wordcounts_head head = {.part = (uint32_t)part.first + 1, .of = (uint32_t)part.of};
    train_words_write(words, out->f, &head);
    if (stop_signal)
        exit(signal_exit_code());
    text_output_close(out, true);
    say("%s: %llu different words from %llu documents, %.1f MB, part %u of %u", counts,
        (unsigned long long)head.words, (unsigned long long)head.documents, (double)head.bytes / 1e6,
        head.part, head.of);
    return 0;
}

int tokenize_train(int argc, char **argv)
{
    int n = cli_parse(&cli, argc, argv);
    argv = input_operands(&input_opts, argv, &n);
    check_options();
    if (merge && n == 0)
        usage_error("--merge: which files? Those of --counts");
    signals_install();
    double start = now_seconds();
    struct text_output out;
    text_output_open(&out, counts ? counts : output); /* before the work: it may not be possible */
    struct train_words *words =
        merge ? train_words_read(argv, (size_t)n, memory / 5 * 2) : count_documents(argv, (size_t)n);
    if (stop_signal)
        exit(signal_exit_code()); /* removes the temporary file */
    if (counts)
        return write_counts(words, &out);
    double counted = now_seconds();
    struct bpe *b = bpe_new();
    struct train_totals totals;
    train_words_learn(words, b, memory, &totals);
    if (totals.documents == 0)
        die("no documents: there is nothing to learn from");
    struct bpe_opts bpe_opts = {
        .vocab_size = (uint32_t)vocab_size, .min_count = min_count, .progress = show_progress};
    uint32_t merges;
    struct tokenizer *t = bpe_learn(b, &bpe_opts, &merges);
    progress_end();
    if (!t)
        exit(signal_exit_code());
    say_what_is_missing(&totals, merges);
    write_tokenizer(t, &out);
    tokenizer_free(t);
    say("%s: %llu ids, %u merges, from %llu documents, %.1f MB, %llu different words; counted in %.1f s, "
        "merged in %.1f s; "
        "peak memory %.1f MB",
        output, (unsigned long long)vocab_size, merges, (unsigned long long)totals.documents,
        (double)totals.bytes / 1e6, (unsigned long long)totals.words, counted - start,
        now_seconds() - counted, peak_megabytes());
    return 0;
}
