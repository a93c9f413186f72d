/*
 * stage_train.c - tokenize train: learn a byte-level BPE, write tokenizer.json
 *
 * Workers count the pre-tokens of a batch; the counts are added up in the
 * order of the batches, and merges are learned from them in one thread.
 */
#include "pipeline/text/stage.h"

#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/cli.h"
#include "pipeline/lib/log.h"
#include "pipeline/text/batches.h"
#include "pipeline/text/bpe_train.h"
#include "pipeline/text/pretokenizer.h"
#include "pipeline/text/vocabulary.h"

static const char *output;
static uint64_t vocab_size = 65536, min_count = 2, max_bytes = UINT64_MAX, memory = 512 << 20;
static int64_t threads;
static struct input_opts input_opts = {.domain = -1};

static const struct opt opts[] = {
    {'n', "vocab-size", OPT_U64, &vocab_size, "N", "number of ids, all kinds together (default 65536)"},
    {'o', "output", OPT_STR, &output, "FILE", "write tokenizer.json here; - is standard output"},
    {0, "minfreq", OPT_U64, &min_count, "N", "leave pairs that occur fewer than N times apart (default 2)"},
    {0, "limit", OPT_BYTES, &max_bytes, "SIZE", "stop with the document that reaches SIZE bytes of text"},
    {0, "memory", OPT_BYTES, &memory, "SIZE", "use about this much; the rarest words are forgotten when there\n"
                                             "are more (default 512MiB)"},
    {'j', "threads", OPT_INT, &threads, "N", "threads that count (default: one a processor); the result is the same"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Documents"},
    {'f', "text-field", OPT_STR, &input_opts.text_field, "FIELD", "where the text is in JSON (default: as fetch finds it)"},
    {'g', "glob", OPT_LIST, &input_opts.globs, "GLOB", "of directories, only files whose name matches; may be given again"},
    {0, "skip-bad", OPT_FLAG, &input_opts.skip_bad, NULL, "count bad JSON documents and go on; default: stop with an error"},
    {0},
};

static const struct cli cli = {
    "tokenize", "train: learn a byte-level BPE tokenizer",
    "tokenize train -n N -o FILE [OPTION...] [DOCUMENTS...]", opts,
    "Documents are files and directories as fetch reads them; none, or -, is standard input (JSON lines).\n"
    "The ids: 256 bytes, merges, then special tokens (32; 256 from 49,152 ids on); from 65,536 ids on also 8,192\n"
    "image and 8,192 audio codes. Text is cut by the Qwen2 pattern first. The file is read by the tokenizers library.\n"
    "The same documents and options give the same file.\n"
    "\n"
    "Examples:\n"
    "  tokenize train -n 8192 -o tok.json language.jsonl.zst math.jsonl.zst\n"
    "  fetch --cat raw/ | tokenize train -n 65536 --limit 2GB -o tok.json -\n"
    "\n"
    "Exit: 0 done, 1 failed (the message names file, place and reason), 2 misuse, 128+n ended by signal n.",
};

struct job {
    struct batch batch;
    struct word_counts counts;
};

struct run {
    struct pretokenizer **pretokenizers;    /* one a worker */
    struct word_counts counts;
    uint64_t documents, bytes;
};

static void count_job(void *arg, size_t worker, void *job)
{
    struct run *r = arg;
    struct job *j = job;
    struct pretokenizer *p = r->pretokenizers[worker];
    const char *word;
    size_t n;
    word_counts_reset(&j->counts);
    for (size_t i = 0; i < j->batch.n_chunks; i++) {
        pretokenizer_begin(p, j->batch.text.s + j->batch.chunks[i].at, j->batch.chunks[i].len);
        while ((n = pretokenizer_next(p, &word)) > 0)
            if (n > 1 && n <= BPE_MAX_WORD)
                word_counts_add(&j->counts, word, n, 1);
    }
}

static void add_job(void *arg, void *job)
{
    struct run *r = arg;
    struct job *j = job;
    for (size_t i = 0; i < j->counts.n; i++) {
        const struct word *w = &j->counts.words[i];
        word_counts_add(&r->counts, j->counts.bytes + w->at, w->len, w->count);
    }
    word_counts_trim(&r->counts);
    for (size_t i = 0; i < j->batch.n_chunks; i++) {
        r->documents += j->batch.chunks[i].last;
        r->bytes += j->batch.chunks[i].len;
    }
}

static void count_words(struct run *r, struct input *in)
{
    size_t n_workers = stage_threads(threads), n_jobs = n_workers + n_workers / 2 + 2;
    void **jobs = xcalloc(n_jobs, sizeof *jobs);
    for (size_t i = 0; i < n_jobs; i++) {
        struct job *j = jobs[i] = xcalloc(1, sizeof *j);
        word_counts_init(&j->counts, 0);
    }
    r->pretokenizers = xcalloc(n_workers, sizeof(struct pretokenizer *));
    for (size_t i = 0; i < n_workers; i++)
        r->pretokenizers[i] = pretokenizer_new();
    word_counts_init(&r->counts, memory / 5);       /* learning takes up to four times as much as the table */
    struct ordered_ops ops = {.work = count_job, .emit = add_job, .arg = r};
    struct ordered *o = ordered_start(&ops, n_workers, jobs, n_jobs);
    batches_feed(o, in, max_bytes, "count");
    ordered_finish(o);
    for (size_t i = 0; i < n_workers; i++)
        pretokenizer_free(r->pretokenizers[i]);
    free(r->pretokenizers);
    for (size_t i = 0; i < n_jobs; i++) {
        struct job *j = jobs[i];
        strbuf_free(&j->batch.text);
        word_counts_free(&j->counts);
        free(j);
    }
    free(jobs);
}

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
    if (!output)
        usage_error("where to? -o tokenizer.json");
    if (vocab_size < BPE_MIN_VOCAB || vocab_size > VOCABULARY_MAX)
        usage_error("-n %llu: a vocabulary has from %d to %d ids", (unsigned long long)vocab_size, (int)BPE_MIN_VOCAB,
                    (int)VOCABULARY_MAX);
    if (memory < 16 << 20)
        usage_error("--memory: at least 16MiB");
    if (min_count == 0)
        min_count = 1;
}

int tokenize_train(int argc, char **argv)
{
    int n = cli_parse(&cli, argc, argv);
    static const char *const standard_input = "-";
    check_options();
    signals_install();
    struct run r = {0};
    double start = now_seconds();
    struct text_output out;
    text_output_open(&out, output);             /* before the work: it may not be possible */
    struct input *in = input_open(&input_opts, n > 0 ? (const char *const *)argv : &standard_input, n > 0 ? (size_t)n : 1);
    count_words(&r, in);
    if (stop_signal)
        exit(signal_exit_code());               /* removes the temporary file */
    input_close(in);
    if (r.documents == 0)
        die("no documents: there is nothing to learn from");
    if (r.counts.forgotten)
        warn("too many different words for --memory: %llu occurrences of rare ones were forgotten",
             (unsigned long long)r.counts.forgotten);
    size_t words = r.counts.n;
    struct bpe_opts bpe = {.vocab_size = (uint32_t)vocab_size, .min_count = min_count, .progress = show_progress};
    uint32_t merges, wanted = vocabulary_layout((uint32_t)vocab_size).n_text - 256;
    struct tokenizer *t = bpe_train(&r.counts, &bpe, &merges);
    progress_end();
    if (!t)
        exit(signal_exit_code());
    if (merges < wanted)
        warn("only %u merges occur %llu times or more: ids %u to %u are unused", merges, (unsigned long long)min_count,
             256 + merges, 255 + wanted);
    write_tokenizer(t, &out);
    tokenizer_free(t);
    say("%s: %llu ids, %u merges, from %llu documents, %.1f MB, %zu different words, in %.1f s", output,
        (unsigned long long)vocab_size, merges, (unsigned long long)r.documents, (double)r.bytes / 1e6, words,
        now_seconds() - start);
    return 0;
}
