/*
 * stage_encode.c - tokenize: documents in, a token stream or JSON arrays of ids out
 *
 * The calling thread reads documents into batches, workers encode them, and
 * one thread writes them in order.
 */
#include "pipeline/tokenize/stage.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/lib/cli.h"
#include "pipeline/lib/counters.h"
#include "pipeline/lib/log.h"
#include "pipeline/stream/tokstream.h"
#include "pipeline/text/vocabulary/batches.h"
#include "pipeline/tokenize/fim.h"
#include "pipeline/text/encode/pieces.h"
#include "pipeline/tokenize/rows.h"

static const char *eos_word, *tokenizer_path, *input = "-", *output = "-", *domain_name, *modality,
                                              *pad_side = "right";
static bool as_ids, around, replace_invalid;
static int64_t threads;
static uint64_t batch_rows, row_length, seed;
static double fim_rate;
static struct input_opts input_opts = {.domain = -1};

static const struct opt opts[] = {
    {'t', "tokenizer", OPT_STR, &tokenizer_path, "FILE",
     "tokenizer.json, from `tokenize train` or elsewhere"},
    {'i', "input", OPT_STR, &input, "WHERE", "documents: - or a path (default -); or name them as FILE..."},
    {'o', "output", OPT_STR, &output, "WHERE", "-, a path or ring:NAME (default -)"},
    {0, "ids", OPT_FLAG, &as_ids, NULL, "write one JSON array of ids a document instead of a token stream"},
    {0, "batch", OPT_U64, &batch_rows, "N",
     "write JSON batches of N rows with attention_mask and labels, for other programs;\n"
     "each row is a document and EOS"},
    {0, "pad", OPT_STR, &pad_side, "SIDE", "with --batch: pad on the left or right (default right)"},
    {0, "length", OPT_U64, &row_length, "N",
     "with --batch: rows of N ids; longer documents lose their end, but for EOS\n"
     "(default: as long as the longest of the batch)"},
    {'j', "threads", OPT_INT, &threads, "N",
     "worker threads (default: one a processor); the output is the same"},
    {0, "eos", OPT_STR, &eos_word, "TOKEN",
     "the token that ends a text, by content or number (default: what\n"
     "tokenizer_config.json or generation_config.json beside FILE says, else a name in\n"
     "use such as <|endoftext|>)"},
    {0, "special", OPT_FLAG, &around, NULL,
     "put the ids around each document that the file's post_processor names, such as\n"
     "a beginning of text (default: none)"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Kind of documents"},
    {0, "modality", OPT_STR, &modality, "WHAT",
     "text or code: put each in its tags (default: no tags); image or audio:\n"
     "see tokenize --modality image --help"},
    {0, "fim", OPT_SHARE, &fim_rate, "SHARE",
     "with --modality code: fill in the middle for this share of the documents of up\n"
     "to 1 MiB, half of them prefix-suffix-middle, half suffix-prefix-middle"},
    {0, "seed", OPT_U64, &seed, "N", "seed of --fim (default 0)"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Documents"},
    INPUT_TEXT_OPTS(input_opts),
    {0, "replace-invalid", OPT_FLAG, &replace_invalid, NULL,
     "bytes that are not UTF-8 become U+FFFD; default: they are kept, and are an error\n"
     "where the vocabulary has nothing for them"},
    {'d', "domain", OPT_STR, &domain_name, "DOMAIN",
     "mark all as language, code, math, ml, logic or other\n"
     "(default: each document's own)"},
    INPUT_FILE_OPTS(input_opts),
    INPUT_OPTIONS(input_opts),
    SANDBOX_OPTION(&output),
    {0},
};

static const struct cli cli = {
    "tokenize",
    "turn documents into token ids; learn a tokenizer; turn ids back into text",
    "tokenize -t FILE [OPTION...] [DOCUMENTS...]\n"
    "tokenize train -n N -o FILE [OPTION...] [DOCUMENTS...]     (tokenize train --help)\n"
    "tokenize decode -t FILE [OPTION...]                        (tokenize decode --help)\n"
    "tokenize inspect -t FILE [OPTION...] [DOCUMENTS...]        (tokenize inspect --help)\n"
    "tokenize convert -o FILE [OPTION...] VOCABULARY            (tokenize convert --help)",
    opts,
    "Reads documents as JSON lines from standard input, or from files and directories as fetch does.\n"
    "Writes a token stream (formats/tokens.md): binary, so not to a terminal. Nothing is lost: decoding "
    "gives\n"
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
    uint32_t *ids; /* ids of all chunks of the batch */
    size_t ids_cap, total;
    size_t n_ids[BATCH_CHUNKS];
    struct strbuf json; /* --ids */
};

struct run {
    struct encoder **encoders; /* one a worker */
    struct tok_writer *writer;
    struct text_output text;        /* --ids, --batch */
    struct rows rows;               /* --batch */
    const uint32_t *before, *after; /* --special */
    size_t n_before, n_after;
    bool tagged, fim;
    uint32_t open, close; /* tags */
    uint32_t fim_prefix, fim_middle, fim_suffix;
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
        if (i > 0 ||
            !c->first) /* a chunk that is not the first follows ids: no chunk of a cut document is empty */
            *--p = ',';
        strbuf_add(out, p, (size_t)(digits + sizeof digits - p));
    }
    if (c->last)
        strbuf_add(out, "]\n", 2);
}

static void add_ids(struct job *j, const uint32_t *ids, size_t n)
{
    if (j->total + n > j->ids_cap) {
        j->ids_cap = (j->total + n) * 3 / 2;
        j->ids = xrealloc(j->ids, j->ids_cap * sizeof *j->ids);
    }
    if (n > 0)
        memcpy(j->ids + j->total, ids, n * sizeof *ids);
    j->total += n;
}

static void add_text(struct run *r, size_t worker, struct job *j, const char *text, size_t len)
{
    size_t n;
    const uint32_t *ids = encode(r->encoders[worker], text, len, false, &n);
    add_ids(j, ids, n);
}

static void add_fim(struct run *r, size_t worker, struct job *j, const char *text, size_t len,
                    const struct fim_cut *cut)
{
    add_ids(j, &r->fim_prefix, 1);
    if (!cut->spm)
        add_text(r, worker, j, text, cut->from);
    add_ids(j, &r->fim_suffix, 1);
    add_text(r, worker, j, text + cut->to, len - cut->to);
    add_ids(j, &r->fim_middle, 1);
    size_t from = cut->spm ? 0 : cut->from;
    add_text(r, worker, j, text + from, cut->to - from);
}

static void encode_chunk(struct run *r, size_t worker, struct job *j, const struct chunk *c)
{
    const char *text = j->batch.text.s + c->at;
    struct fim_cut cut;
    if (c->first)
        add_ids(j, r->before, r->n_before);
    if (r->tagged && c->first)
        add_ids(j, &r->open, 1);
    if (r->fim && c->first && c->last && fim_choose(text, c->len, fim_rate, seed, &cut))
        add_fim(r, worker, j, text, c->len, &cut);
    else
        add_text(r, worker, j, text, c->len);
    if (r->tagged && c->last)
        add_ids(j, &r->close, 1);
    if (c->last)
        add_ids(j, r->after, r->n_after);
}

static void encode_job(void *arg, size_t worker, void *job)
{
    struct run *r = arg;
    struct job *j = job;
    strbuf_reset(&j->json);
    j->total = 0;
    for (size_t i = 0; i < j->batch.n_chunks; i++) {
        const struct chunk *c = &j->batch.chunks[i];
        size_t from = j->total;
        encode_chunk(r, worker, j, c);
        j->n_ids[i] = j->total - from;
        if (as_ids) {
            format_ids(&j->json, c, j->ids + from, j->n_ids[i]);
            j->total = from; /* they are in json now */
        }
    }
}

/* Writes the records of a chunk, which may have more ids than one record holds: a few more with tags, and any
 * number where documents are not cut. The chunk's bytes are counted in the first record. */
static void put_record(struct run *r, const struct chunk *c, const uint32_t *ids, size_t n)
{
    size_t bytes = n > 0 ? c->len : 0;
    do {
        size_t here = n < TOKENS_MAX_RECORD ? n : TOKENS_MAX_RECORD;
        tok_writer_put(r->writer, c->domain, c->hash, ids, here, bytes, here < n || !c->last);
        ids += here;
        n -= here;
        bytes = 0;
    } while (n > 0);
}

/* For monitors. */
static void publish(const struct run *r)
{
    static struct counter documents = COUNTER("documents", "docs"), bytes = COUNTER("bytes", "bytes"),
                          tokens = COUNTER("tokens", "tokens");
    counters_begin();
    counter_set(&documents, (double)r->documents);
    counter_set(&bytes, (double)r->bytes);
    counter_set(&tokens, (double)r->tokens);
    counters_end();
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
        if (as_ids)
            continue;
        if (batch_rows)
            rows_add(&r->rows, ids, j->n_ids[i], c->last);
        else
            put_record(r, c, ids, j->n_ids[i]);
        ids += j->n_ids[i];
    }
    if (as_ids)
        text_output_write(&r->text, j->json.s, j->json.len);
    publish(r);
}

static void flush(void *arg)
{
    struct run *r = arg;
    if (r->text.f && fflush(r->text.f) != 0)
        die_errno("%s: cannot write", r->text.name);
    if (r->writer)
        tok_writer_flush(r->writer);
}

static void write_rows(void *arg, const char *s, size_t n)
{
    text_output_write(arg, s, n);
}

static void set_rows(struct run *r, const struct tokenizer *t)
{
    uint32_t pad = tokenizer_special(t, "<|pad|>"), eos = tokenizer_eos(t);
    if (eos == UINT32_MAX)
        die("%s: has no end-of-text token, which ends each row of --batch", tokenizer_path);
    r->rows = (struct rows){.batch = batch_rows,
                            .length = row_length,
                            .left = strcmp(pad_side, "left") == 0,
                            .pad = pad == UINT32_MAX ? eos : pad,
                            .eos = eos,
                            .write = write_rows,
                            .arg = &r->text};
}

static uint32_t special_id(const struct tokenizer *t, const char *name)
{
    uint32_t id = tokenizer_special(t, name);
    if (id == UINT32_MAX)
        die("%s: has no token %s", tokenizer_path, name);
    return id;
}

static void set_modality(struct run *r, const struct tokenizer *t)
{
    if (!modality)
        return;
    bool code = strcmp(modality, "code") == 0;
    r->tagged = true;
    r->open = special_id(t, code ? "<|code|>" : "<|text|>");
    r->close = special_id(t, code ? "<|/code|>" : "<|/text|>");
    if (!(r->fim = fim_rate > 0))
        return;
    r->fim_prefix = special_id(t, "<|fim_prefix|>");
    r->fim_middle = special_id(t, "<|fim_middle|>");
    r->fim_suffix = special_id(t, "<|fim_suffix|>");
}

static void set_around(struct run *r, const struct tokenizer *t)
{
    const char *why = around ? tokenizer_around(t, &r->before, &r->n_before, &r->after, &r->n_after) : NULL;
    if (why)
        die("%s: post_processor: %s", tokenizer_path, why);
    if (around && r->n_before + r->n_after == 0)
        die("%s: post_processor: it puts no ids around a text: --special has nothing to do", tokenizer_path);
}

static void set_eos(struct tokenizer *t)
{
    if (!eos_word)
        return;
    if (tokenizer_named(t, eos_word) == UINT32_MAX)
        die("%s: --eos %s: neither an added token nor a number of one", tokenizer_path, eos_word);
    tokenizer_set_eos(t, tokenizer_named(t, eos_word));
}

static void check_options(void)
{
    if (modality && strcmp(modality, "text") != 0 && strcmp(modality, "code") != 0)
        usage_error("--modality %s: it is one of text code image audio", modality);
    if (fim_rate > 0 && (!modality || strcmp(modality, "code") != 0))
        usage_error("--fim is for --modality code");
    if (strcmp(pad_side, "left") != 0 && strcmp(pad_side, "right") != 0)
        usage_error("--pad %s: it is left or right", pad_side);
    if (as_ids && batch_rows)
        usage_error("--ids and --batch are two forms of output: choose one");
    if (!batch_rows && row_length)
        usage_error("--length is of --batch");
    if (batch_rows > 1 << 20 || row_length > 1 << 24)
        usage_error("--batch: at most 1048576 rows of 16777216 ids");
}

static void open_output(struct run *r, const struct tokenizer *t)
{
    if (batch_rows)
        set_rows(r, t);
    if (as_ids || batch_rows) {
        text_output_open(&r->text, output);
        return;
    }
    struct tokens_header h;
    if (tokenizer_eos(t) == UINT32_MAX)
        warn("%s: no token is known to end a text, so that documents will follow each other without one: "
             "--eos names it",
             tokenizer_path);
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
    struct pieces *shared = pieces_new(t);
    for (size_t i = 0; i < n_workers; i++)
        r->encoders[i] = encoder_new(t, shared);
    struct ordered_ops ops = {.work = encode_job, .emit = write_job, .idle = flush, .arg = r};
    struct ordered *o = ordered_start(&ops, n_workers, jobs, n_jobs);
    struct feed_opts feed = {.name = "tokenize",
                             .max_bytes = UINT64_MAX,
                             .sample = 1,
                             .tokenizer = t,
                             .replace_invalid = replace_invalid};
    batches_feed(o, in, &feed);
    ordered_finish(o);
    for (size_t i = 0; i < n_workers; i++)
        encoder_free(r->encoders[i]);
    pieces_free(shared);
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
    argv = input_operands(&input_opts, argv, &n);
    if (domain_name && (input_opts.domain = domain_from_name(domain_name)) < 0)
        usage_error("--domain %s: it is one of language code math ml logic other", domain_name);
    if (strncmp(input, "ring:", 5) == 0)
        usage_error("%s: documents are read from standard input or files", input);
    check_options();
    struct tokenizer *t = stage_tokenizer(tokenizer_path);
    struct run r = {0};
    set_modality(&r, t);
    set_around(&r, t);
    set_eos(t);
    if (strcmp(output, "-") != 0)
        signals_install(); /* to standard output nothing is committed, and signals just end us */
    double start = now_seconds();
    const char *const *paths = n > 0 ? (const char *const *)argv : &input;
    struct input *in = input_open(&input_opts, paths, n > 0 ? (size_t)n : 1);
    open_output(&r, t);
    run_threads(&r, t, in);
    input_close(in);
    if (batch_rows)
        rows_end(&r.rows);
    if (!r.writer)
        text_output_close(&r.text, !stop_signal);
    else
        tok_writer_close(r.writer, !stop_signal);
    tokenizer_free(t);
    if (r.rows.truncated)
        say("%llu documents were cut to %llu ids", (unsigned long long)r.rows.truncated,
            (unsigned long long)row_length);
    say("%llu documents, %llu tokens, %.2f bytes a token, %.1f MB/s", (unsigned long long)r.documents,
        (unsigned long long)r.tokens, r.tokens ? (double)r.bytes / (double)r.tokens : 0,
        (double)r.bytes / 1e6 / (now_seconds() - start));
    return signal_exit_code();
}
