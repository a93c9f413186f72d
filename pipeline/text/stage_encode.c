/*
 * stage_encode.c - tokenize: documents in, a token stream or JSON arrays of ids out
 *
 * The calling thread reads documents into batches, workers encode them, and
 * one thread writes them in order.
 */
#include "pipeline/text/stage.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/lib/cli.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/tokstream.h"
#include "pipeline/text/batches.h"

static const char *tokenizer_path, *input = "-", *output = "-", *domain_name;
static bool as_ids;
static int64_t threads;
static struct input_opts input_opts = {.domain = -1};

static const struct opt opts[] = {
    {'t', "tokenizer", OPT_STR, &tokenizer_path, "FILE", "tokenizer.json, from `tokenize train` or elsewhere"},
    {'i', "input", OPT_STR, &input, "WHERE", "documents: - or a path (default -); or name them as FILE..."},
    {'o', "output", OPT_STR, &output, "WHERE", "-, a path or ring:NAME (default -)"},
    {0, "ids", OPT_FLAG, &as_ids, NULL, "write one JSON array of ids a document instead of a token stream"},
    {'j', "threads", OPT_INT, &threads, "N", "worker threads (default: one a processor); the output is the same"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Documents"},
    {'f', "text-field", OPT_STR, &input_opts.text_field, "FIELD", "where the text is in JSON (default: as fetch finds it)"},
    {'d', "domain", OPT_STR, &domain_name, "DOMAIN", "mark all as language, code, math, ml, logic or other\n"
                                                     "(default: each document's own)"},
    {'g', "glob", OPT_LIST, &input_opts.globs, "GLOB", "of directories, only files whose name matches; may be given again"},
    {0, "skip-bad", OPT_FLAG, &input_opts.skip_bad, NULL, "count bad JSON documents and go on; default: stop with an error"},
    {0},
};

static const struct cli cli = {
    "tokenize", "turn documents into token ids; learn a tokenizer; turn ids back into text",
    "tokenize -t FILE [OPTION...] [DOCUMENTS...]\n"
    "tokenize train -n N -o FILE [OPTION...] [DOCUMENTS...]     (tokenize train --help)\n"
    "tokenize decode -t FILE [OPTION...]                        (tokenize decode --help)",
    opts,
    "Reads documents as JSON lines from standard input, or from files and directories as fetch does.\n"
    "Writes a token stream (formats/tokens.md): binary, so not to a terminal. Nothing is lost: decoding gives\n"
    "the same bytes, whatever they were. Names of special tokens in documents are ordinary text.\n"
    "\n"
    "Examples:\n"
    "  fetch --cat books.jsonl.zst --domain language | tokenize -t tok.json | shard -o tokens/language\n"
    "  tokenize -t tok.json --ids notes.txt | head -1\n"
    "  tokenize -t tok.json --ids notes.txt | tokenize decode -t tok.json --raw | cmp - notes.txt\n"
    "\n"
    "Exit: 0 done, 1 failed (the message names file, place and reason), 2 misuse, 128+n ended by signal n.",
};

struct job {
    struct batch batch;
    uint32_t *ids;                      /* of all chunks */
    size_t ids_cap;
    size_t n_ids[BATCH_CHUNKS];
    struct strbuf json;                 /* --ids */
};

struct run {
    struct encoder **encoders;          /* one a worker */
    struct tok_writer *writer;
    struct text_output text;            /* --ids */
    uint64_t documents, tokens, bytes;
};

static void format_ids(struct strbuf *out, const struct chunk *c, const uint32_t *ids, size_t n)
{
    if (c->first)
        strbuf_add(out, "[", 1);
    for (size_t i = 0; i < n; i++) {
        char digits[16], *p = digits + sizeof digits;
        uint32_t id = ids[i];
        do
            *--p = (char)('0' + id % 10);
        while (id /= 10);
        if (i > 0 || !c->first)         /* a chunk that is not the first follows ids: no chunk of a cut document is empty */
            *--p = ',';
        strbuf_add(out, p, (size_t)(digits + sizeof digits - p));
    }
    if (c->last)
        strbuf_add(out, "]\n", 2);
}

static void encode_job(void *arg, size_t worker, void *job)
{
    struct run *r = arg;
    struct job *j = job;
    size_t total = 0;
    strbuf_reset(&j->json);
    for (size_t i = 0; i < j->batch.n_chunks; i++) {
        const struct chunk *c = &j->batch.chunks[i];
        size_t n;
        const uint32_t *ids = encode(r->encoders[worker], j->batch.text.s + c->at, c->len, false, &n);
        j->n_ids[i] = n;
        if (as_ids) {
            format_ids(&j->json, c, ids, n);
            continue;
        }
        if (total + n > j->ids_cap) {
            j->ids_cap = (total + n) * 3 / 2;
            j->ids = xrealloc(j->ids, j->ids_cap * sizeof *j->ids);
        }
        if (n > 0)
            memcpy(j->ids + total, ids, n * sizeof *ids);
        total += n;
    }
}

static void write_job(void *arg, void *job)
{
    struct run *r = arg;
    struct job *j = job;
    const uint32_t *ids = j->ids;
    for (size_t i = 0; i < j->batch.n_chunks; i++) {
        const struct chunk *c = &j->batch.chunks[i];
        r->documents += c->last;
        r->tokens += j->n_ids[i];
        r->bytes += c->len;
        if (!as_ids) {
            tok_writer_put(r->writer, c->domain, ids, j->n_ids[i], c->len, !c->last);
            ids += j->n_ids[i];
        }
    }
    if (as_ids)
        text_output_write(&r->text, j->json.s, j->json.len);
}

static void flush(void *arg)
{
    struct run *r = arg;
    if (as_ids && fflush(r->text.f) != 0)
        die_errno("%s: cannot write", r->text.name);
    if (!as_ids)
        tok_writer_flush(r->writer);
}

static void open_output(struct run *r, const struct tokenizer *t)
{
    if (as_ids) {
        text_output_open(&r->text, output);
        return;
    }
    struct tokens_header h;
    tokens_header_init(&h, tokenizer_vocab_size(t), tokenizer_hash(t), tokenizer_bos(t), tokenizer_eos(t));
    r->writer = tok_writer_open(output, &h);
}

static void run_threads(struct run *r, const struct tokenizer *t, struct input *in)
{
    size_t n_workers = stage_threads(threads), n_jobs = n_workers + n_workers / 2 + 2;
    void **jobs = xcalloc(n_jobs, sizeof *jobs);
    for (size_t i = 0; i < n_jobs; i++)
        jobs[i] = xcalloc(1, sizeof(struct job));
    r->encoders = xcalloc(n_workers, sizeof *r->encoders);
    for (size_t i = 0; i < n_workers; i++)
        r->encoders[i] = encoder_new(t);
    struct ordered_ops ops = {.work = encode_job, .emit = write_job, .idle = flush, .arg = r};
    struct ordered *o = ordered_start(&ops, n_workers, jobs, n_jobs);
    struct feed_opts feed = {.name = "tokenize", .max_bytes = UINT64_MAX, .sample = 1};
    batches_feed(o, in, &feed);
    ordered_finish(o);
    for (size_t i = 0; i < n_workers; i++)
        encoder_free(r->encoders[i]);
    free(r->encoders);
    for (size_t i = 0; i < n_jobs; i++) {
        struct job *j = jobs[i];
        strbuf_free(&j->batch.text);
        strbuf_free(&j->json);
        free(j->ids);
        free(j);
    }
    free(jobs);
}

int tokenize_encode(int argc, char **argv)
{
    int n = cli_parse(&cli, argc, argv);
    if (domain_name && (input_opts.domain = domain_from_name(domain_name)) < 0)
        usage_error("--domain %s: it is one of language code math ml logic other", domain_name);
    if (strncmp(input, "ring:", 5) == 0)
        usage_error("%s: documents are read from standard input or files", input);
    struct tokenizer *t = stage_tokenizer(tokenizer_path);
    struct run r = {0};
    if (strcmp(output, "-") != 0)
        signals_install();              /* to standard output nothing is committed, and signals just end us */
    double start = now_seconds();
    const char *const *paths = n > 0 ? (const char *const *)argv : &input;
    struct input *in = input_open(&input_opts, paths, n > 0 ? (size_t)n : 1);
    open_output(&r, t);
    run_threads(&r, t, in);
    input_close(in);
    if (as_ids)
        text_output_close(&r.text, !stop_signal);
    else
        tok_writer_close(r.writer, !stop_signal);
    tokenizer_free(t);
    say("%llu documents, %llu tokens, %.2f bytes a token, %.1f MB/s", (unsigned long long)r.documents,
        (unsigned long long)r.tokens, r.tokens ? (double)r.bytes / (double)r.tokens : 0,
        (double)r.bytes / 1e6 / (now_seconds() - start));
    return signal_exit_code();
}
