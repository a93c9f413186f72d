/*
 * media_encode.c - tokenize --modality image|audio: files and code documents in, a token stream or JSON
 * arrays out
 *
 * The calling thread names what is to be read, workers read and encode it, one thread writes it in order.
 */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "formats/tokens.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/ordered.h"
#include "pipeline/stream/tokstream.h"
#include "pipeline/media/codes.h"
#include "pipeline/media/source.h"
#include "pipeline/tokenize/media.h"
#include "pipeline/tokenize/stage.h"

enum { MAX_THREADS = 8 }; /* each may hold the largest picture */

static const char *tokenizer_path, *codebook_path, *output = "-", *domain_name, *modality_name;
static bool as_ids, no_measure;
static int64_t threads;
static struct input_opts input_opts = {.domain = DOMAIN_OTHER};
static struct media_opts media_opts = {.side = 256};

static const struct opt opts[] = {
    {0, "modality", OPT_STR, &modality_name, "WHAT",
     "image or audio; text and code have options of their own"},
    {'t', "tokenizer", OPT_STR, &tokenizer_path, "FILE", "tokenizer.json of 65,536 ids or more"},
    {'c', "codebook", OPT_STR, &codebook_path, "FILE",
     "from `tokenize train --modality WHAT`\n"
     "(default: beside the tokenizer, tok.WHAT.safetensors)"},
    {'o', "output", OPT_STR, &output, "WHERE", "-, a path or ring:NAME (default -)"},
    {0, "ids", OPT_FLAG, &as_ids, NULL, "write one JSON array of ids a document instead of a token stream"},
    {'j', "threads", OPT_INT, &threads, "N",
     "worker threads (default: one a processor); the output is the same"},
    {0, "no-measure", OPT_FLAG, &no_measure, NULL, "do not decode again to say how much was lost"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Documents"},
    {0, "image-size", OPT_U64, &media_opts.side, "N",
     "pictures: shrink the longer side to N pixels (default 256;\n"
     "0: only above 8192)"},
    {0, "crop", OPT_FLAG, &media_opts.crop, NULL, "pictures: take the largest square in the middle"},
    {'d', "domain", OPT_STR, &domain_name, "DOMAIN",
     "mark all as language, code, math, ml, logic or other (default other)"},
    {'g', "glob", OPT_LIST, &input_opts.globs, "GLOB",
     "in directories, read only files whose name matches; may be given again"},
    {0, "skip-bad", OPT_FLAG, &input_opts.skip_bad, NULL,
     "count bad files and documents and go on; default: stop with an error"},
    INPUT_OPTIONS(input_opts),
    {0},
};

static const struct cli cli = {
    "tokenize",
    "--modality image|audio: turn pictures or sounds into token ids",
    "tokenize --modality image -t FILE [OPTION...] [FILE|DIRECTORY|DOCUMENTS...]",
    opts,
    "Pictures are PNG, JPEG, PPM; sounds WAV, FLAC. A document is the tag, the codes, and the end tag. "
    "Documents of JSON\n"
    "(.jsonl and standard input) bring codes of their own: {\"image_codes\": [...]} from 0 to 8191, "
    "{\"audio_codes\": [[...],\n"
    "...]} with an array a level from 0 to 1023; a \"text\" in them follows in text tags. Needs no codebook "
    "for these.\n"
    "Says at the end how far the codes are from the original. Formats: pipeline/media/image.md, audio.md.\n"
    "\n"
    "Examples:\n"
    "  tokenize train --modality image -t tok.json photos/\n"
    "  tokenize --modality image -t tok.json photos/ | shard -o tokens/photos\n"
    "\n"
    "Exit: 0 done, 1 failed (the message names file and reason), 2 misuse, 128+n ended by signal n.",
};

struct job {
    char *name;
    struct strbuf json; /* the JSON of a code document */
    bool is_json;
    char err[600]; /* "" or why it has no ids */
    uint32_t *ids;
    size_t n, cap;
    uint64_t text_bytes;
    uint64_t hash; /* XXH3-64 of the file, or of the JSON */
    struct quality quality;
};

struct run {
    const struct modality *m;
    const struct tokenizer *t;
    struct media_ids ids;
    uint32_t text_open, text_close;
    void *codec;               /* NULL: only code documents came so far */
    struct encoder **encoders; /* one a worker, for texts */
    struct tok_writer *writer;
    struct text_output text; /* --ids */
    struct quality quality;
    uint64_t documents, tokens, bad;
};

static void add_ids(struct job *j, const uint32_t *ids, size_t n)
{
    if (j->n + n > j->cap) {
        j->cap = (j->n + n) * 3 / 2;
        j->ids = xrealloc(j->ids, j->cap * sizeof *j->ids);
    }
    memcpy(j->ids + j->n, ids, n * sizeof *ids);
    j->n += n;
}

static void add_codes(const struct run *r, struct job *j, const struct code_list *codes)
{
    add_ids(j, &r->ids.open, 1);
    for (size_t i = 0; i < codes->n; i++) {
        uint32_t id = r->ids.base + codes->v[i];
        add_ids(j, &id, 1);
    }
    add_ids(j, &r->ids.close, 1);
}

static void encode_file(struct run *r, struct job *j)
{
    struct code_list codes = {0};
    size_t len;
    void *bytes = media_read(j->name, &len, j->err, sizeof j->err);
    if (!bytes)
        return;
    j->hash = XXH3_64bits(bytes, len);
    if (r->m->encode(r->codec, &media_opts, bytes, len, &codes, no_measure ? NULL : &j->quality, j->err,
                     sizeof j->err) == 0)
        add_codes(r, j, &codes);
    free(codes.v);
    free(bytes);
}

static void encode_document(struct run *r, size_t worker, struct job *j)
{
    struct code_list codes;
    char *text;
    size_t len, n;
    j->hash = XXH3_64bits(j->json.s, j->json.len);
    if (codes_parse(r->m, j->json.s, j->json.len, &codes, &text, &len, j->err, sizeof j->err) != 0)
        return;
    add_codes(r, j, &codes);
    if (text) {
        const uint32_t *ids = encode(r->encoders[worker], text, len, false, &n);
        add_ids(j, &r->text_open, 1);
        add_ids(j, ids, n);
        add_ids(j, &r->text_close, 1);
        j->text_bytes = len;
    }
    free(text);
    free(codes.v);
}

static void work(void *arg, size_t worker, void *job)
{
    struct run *r = arg;
    struct job *j = job;
    j->n = 0;
    j->err[0] = '\0';
    j->quality = (struct quality){0};
    j->text_bytes = 0;
    if (j->is_json)
        encode_document(r, worker, j);
    else
        encode_file(r, j);
}

/* A document may be longer than a record. The bytes of its text go with the last piece, where the text is. */
static void put(struct run *r, const struct job *j)
{
    size_t at = 0;
    for (; j->n - at > TOKENS_MAX_RECORD; at += TOKENS_MAX_RECORD)
        tok_writer_put(r->writer, input_opts.domain, j->hash, j->ids + at, TOKENS_MAX_RECORD, 0, true);
    tok_writer_put(r->writer, input_opts.domain, j->hash, j->ids + at, j->n - at, j->text_bytes, false);
}

static void put_array(struct run *r, const struct job *j)
{
    struct strbuf s = {0};
    for (size_t i = 0; i < j->n; i++)
        strbuf_addf(&s, "%c%u", i ? ',' : '[', j->ids[i]);
    strbuf_add(&s, "]\n", 2);
    text_output_write(&r->text, s.s, s.len);
    strbuf_free(&s);
}

static void emit(void *arg, void *job)
{
    struct run *r = arg;
    struct job *j = job;
    if (j->err[0] && !input_opts.skip_bad)
        die("%s: %s", j->name, j->err);
    if (j->err[0]) {
        detail("%s: %s", j->name, j->err);
        r->bad++;
        return;
    }
    (as_ids ? put_array : put)(r, j);
    r->documents++;
    r->tokens += j->n;
    r->quality.error += j->quality.error;
    r->quality.signal += j->quality.signal;
    r->quality.distance += j->quality.distance;
    r->quality.frames += j->quality.frames;
    r->quality.n += j->quality.n;
}

static void flush(void *arg)
{
    struct run *r = arg;
    if (as_ids && fflush(r->text.f) != 0)
        die_errno("%s: cannot write", r->text.name);
    if (!as_ids)
        tok_writer_flush(r->writer);
}

static void feed(struct run *r, struct ordered *o, struct media_source *source)
{
    struct media_item item;
    uint64_t done = 0;
    while (media_source_next(source, &item)) {
        if (!item.json &&
            !r->codec) /* before any worker may need it: they only look at files that come later */
            r->codec = media_codec_load(r->m, codebook_path);
        struct job *j = ordered_get(o);
        free(j->name);
        j->name = xstrdup(item.name);
        j->is_json = item.json != NULL;
        strbuf_reset(&j->json);
        if (item.json)
            strbuf_add(&j->json, item.json, item.len);
        ordered_put(o);
        progress("tokenize", ++done, 0, "docs", NULL);
    }
    progress_end();
}

static void run_threads(struct run *r, struct media_source *source)
{
    size_t n = stage_threads(threads);
    n = n < MAX_THREADS ? n : MAX_THREADS;
    size_t n_jobs = 2 * n + 2;
    void **jobs = xcalloc(n_jobs, sizeof *jobs);
    for (size_t i = 0; i < n_jobs; i++)
        jobs[i] = xcalloc(1, sizeof(struct job));
    r->encoders = xcalloc(n, sizeof *r->encoders);
    for (size_t i = 0; i < n; i++)
        r->encoders[i] = encoder_new(r->t, NULL);
    struct ordered_ops ops = {.work = work, .emit = emit, .idle = flush, .arg = r};
    struct ordered *o = ordered_start(&ops, n, jobs, n_jobs);
    feed(r, o, source);
    ordered_finish(o);
    for (size_t i = 0; i < n; i++)
        encoder_free(r->encoders[i]);
    free(r->encoders);
    for (size_t i = 0; i < n_jobs; i++) {
        struct job *j = jobs[i];
        free(j->name);
        strbuf_free(&j->json);
        free(j->ids);
        free(j);
    }
    free(jobs);
}

static void open_output(struct run *r)
{
    struct tokens_header h;
    tokens_header_init(&h, tokenizer_vocab_size(r->t), tokenizer_hash(r->t), tokenizer_bos(r->t),
                       tokenizer_eos(r->t));
    if (as_ids)
        text_output_open(&r->text, output);
    else
        r->writer = tok_writer_open(output, &h);
}

static void report(const struct run *r, double seconds)
{
    char quality[100] = "";
    if (r->quality.n > 0) {
        strcpy(quality, "; ");
        r->m->describe(&r->quality, quality + 2, sizeof quality - 2);
    }
    if (r->bad)
        warn("left out: %llu bad %s", (unsigned long long)r->bad, r->bad == 1 ? "document" : "documents");
    say("%llu documents, %llu tokens in %.1f s%s", (unsigned long long)r->documents,
        (unsigned long long)r->tokens, seconds, quality);
}

int media_encode(int argc, char **argv, const struct modality *m)
{
    static const char *const standard_input = "-";
    int n = cli_parse(&cli, argc, argv);
    argv = input_operands(&input_opts, argv, &n);
    if (domain_name && (input_opts.domain = domain_from_name(domain_name)) < 0)
        usage_error("--domain %s: it is one of language code math ml logic other", domain_name);
    struct tokenizer *t = stage_tokenizer(tokenizer_path);
    struct run r = {.m = m, .t = t, .ids = media_ids_of(m, t, tokenizer_path)};
    char *beside = media_codebook_path(m, tokenizer_path);
    codebook_path = codebook_path ? codebook_path : beside;
    r.text_open = tokenizer_special(t, "<|text|>");
    r.text_close = tokenizer_special(t, "<|/text|>");
    if (strcmp(output, "-") != 0)
        signals_install(); /* to standard output nothing is committed, and signals just end us */
    double start = now_seconds();
    struct media_source *source = media_source_open(
        m, &input_opts, n > 0 ? (const char *const *)argv : &standard_input, n > 0 ? (size_t)n : 1);
    open_output(&r);
    run_threads(&r, source);
    media_source_close(source);
    if (as_ids)
        text_output_close(&r.text, !stop_signal);
    else
        tok_writer_close(r.writer, !stop_signal);
    report(&r, now_seconds() - start);
    m->free(r.codec);
    free(beside);
    tokenizer_free(t);
    return signal_exit_code();
}
