/*
 * shard - shuffle tokenised documents and cut them into shard files
 *
 * in:     tokens (formats/tokens.md)
 * files:  DIR/000000.tok, DIR/000001.tok, ..., DIR/manifest.json (formats/shard.md), and such files in
 * DIR/val for the documents held out stdout: one path a line, printed once DIR is complete
 *
 * DIR is built under another name and exchanged when complete (shard/sharddir.h): a run that is killed, or
 * meets a full disk, leaves the old directory unchanged.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "formats/manifest.h"
#include "formats/shard_write.h"
#include "formats/tokens.h"
#include "pipeline/shard/archive.h"
#include "pipeline/shard/merge.h"
#include "pipeline/lib/apart.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/counters.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/shard/sharddir.h"
#include "pipeline/shard/shuffle.h"
#include "pipeline/stream/tokstream.h"

static const char *output, *input = "-", *archive;
static double val_share;
static uint64_t shard_tokens = 100000000, buffer_bytes = 256000000, seed;
static bool unpack, merge;

static const struct opt opts[] = {
    {'o', "output", OPT_STR, &output, "DIR", "write shards here, and those held out to DIR/val"},
    {'i', "input", OPT_STR, &input, "FROM", "tokens: - (stdin, the default), a path, or ring:NAME"},
    {0, "val", OPT_SHARE, &val_share, "SHARE",
     "hold out this share of documents, 0.5% or 0.005, but at least one of two (default none)"},
    {'n', "tokens", OPT_U64, &shard_tokens, "N",
     "a shard ends with the document that brings it to N tokens (default 100M)"},
    {0, "shuffle-buffer", OPT_BYTES, &buffer_bytes, "BYTES",
     "memory for shuffling, 2MB to 640MB (default 256MB)"},
    {0, "seed", OPT_U64, &seed, "N", "seed of the shuffle (default 0)"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Storage"},
    {0, "archive", OPT_STR, &archive, "FORM",
     "compress the shards: zstd or lz4; of a new DIR, or of operand DIR"},
    {0, "unpack", OPT_FLAG, &unpack, NULL,
     "make the archived shards of operand DIR readable again, bit for bit"},
    {0, "merge", OPT_FLAG, &merge, NULL,
     "make DIR of the shards of the operands, which jobs with --part made"},
    SANDBOX_OPTION(&output),
    {0},
};

static const char notes[] =
    "Documents are shuffled within the buffer: perfectly when all of them fit into it, else within a window "
    "of\n"
    "that size that moves over the input. Each document ends with the tokenizer's end-of-text token.\n"
    "\n"
    "A document is held out by a hash of its text. So it is the same documents whatever the vocabulary, the "
    "order\n"
    "of the input, the seed and the buffer, and a document that occurs twice falls on one side only.\n"
    "\n"
    "DIR appears, or is replaced, only when the whole input was read and written; until then the work is in\n"
    ".DIR.tritter-partial beside it. The same input, seed and buffer give the same files, bit for bit.\n"
    "\n"
    "Examples:\n"
    "  fetch --cat raw/ --domain code | tokenize -t tok.json | shard -o tokens/code --val 0.5%\n"
    "  shard --archive zstd tokens/code               compress in place; mix and train need it unpacked\n"
    "  shard --unpack tokens/code -o /fast/code       unpack somewhere else\n"
    "  shard --merge tokens/code.parts/*-of-8 -o tokens/code   join the parts that eight jobs made\n"
    "  tools/shard-dump --verify tokens/code          check every byte\n"
    "\n"
    "Exit: 0 done, 1 failed (what DIR held is intact, unless the message says that the new DIR is in "
    "place),\n"
    "2 misuse, 128+n stopped by signal n.";

static const struct cli cli = {"shard", "shuffle tokenised documents into checksummed shard files",
                               "shard -o DIR [--val SHARE] [-n N] [options] <tokens >paths\n"
                               "shard --archive zstd|lz4 DIR [-o OTHER]\n"
                               "shard --unpack DIR [-o OTHER]\n"
                               "shard --merge DIR... -o DIR",
                               opts, notes};

struct split {              /* the training or the validation part */
    char *dir;              /* the directory where it is built */
    struct shard_writer *w; /* writes shard number m.n_shards; NULL: none is open */
    struct manifest m;
    uint64_t documents;
};

struct job {
    struct commit_dir out;
    struct shard_header like; /* header fields that all shards share */
    struct split train, val;
    struct split *to; /* where the document goes that the shuffle is emitting */
    bool hold_one;    /* documents of hash `one` are held out as well */
    uint64_t one;
    int archive;
};

static char err[4096];

static void split_init(struct split *s, struct job *j, const char *name, char *dir)
{
    const struct shard_header *h = &j->like;
    *s = (struct split){.dir = dir};
    s->m = (struct manifest){
        .archive = j->archive,
        .vocab_size = h->vocab_size,
        .token_width = h->token_width,
        .eos_id = h->eos_id,
        .bos_id = h->bos_id,
        .tokenizer_hash = h->tokenizer_hash,
        .split = name,
        .seed = seed,
        .tokens_per_shard = shard_tokens,
        .shuffle_buffer = buffer_bytes,
        .val = val_share,
    };
}

static char *shard_path(const char *dir, size_t i, int kind)
{
    char name[32];
    manifest_shard_name(name, sizeof name, i, kind);
    return path_join(dir, name);
}

static void finish_shard(struct job *j, struct split *s)
{
    struct shard_header h;
    char *path = shard_path(s->dir, s->m.n_shards, ARCHIVE_NONE);
    if (shard_writer_finish(s->w, &h, err, sizeof err) != 0)
        die("%s", err);
    s->w = NULL;
    if (j->archive != ARCHIVE_NONE) {
        char *packed = shard_path(s->dir, s->m.n_shards, j->archive);
        archive_pack(path, packed, j->archive);
        remove_tree(path);
        free(packed);
    }
    struct manifest_shard m = {.bytes = h.file_bytes,
                               .hash = h.header_hash,
                               .tokens = h.n_tokens,
                               .documents = h.n_documents,
                               .text_bytes = h.text_bytes};
    if (manifest_add(&s->m, &m) != 0)
        die("out of memory");
    free(path);
}

static bool in_share(uint64_t hash)
{
    return (double)(hash >> 11) * 0x1p-53 < val_share;
}

/* Called at the end of the input. Of a small text no hash may fall below the share: then the smallest is held
 * out, unless there would be nothing left to train on. */
static void hold_one_out(struct job *j, const struct shuffle *s)
{
    uint64_t least, greatest;
    if (val_share > 0 && j->val.documents == 0 && shuffle_hashes(s, &least, &greatest) &&
        (least < greatest || j->train.documents > 0)) {
        j->hold_one = true;
        j->one = least;
    }
}

/* Called when a document leaves the shuffle. */
static void sink_begin(void *arg, uint64_t hash)
{
    struct job *j = arg;
    j->to = in_share(hash) || (j->hold_one && hash == j->one) ? &j->val : &j->train;
    if (j->to->w)
        return;
    if (j->to->m.n_shards == MANIFEST_MAX_SHARDS)
        die("%s: more than %d shards; give more tokens to each with -n", output, MANIFEST_MAX_SHARDS);
    char *path = shard_path(j->to->dir, j->to->m.n_shards, ARCHIVE_NONE);
    if (shard_writer_open(&j->to->w, path, &j->like, err, sizeof err) != 0)
        die("%s", err);
    free(path);
}

static void sink_tokens(void *arg, const void *tokens, size_t n)
{
    struct job *j = arg;
    if (shard_writer_put(j->to->w, tokens, n, err, sizeof err) != 0)
        die("%s", err);
}

static void sink_end(void *arg, int domain, uint64_t text_bytes)
{
    struct job *j = arg;
    struct split *s = j->to;
    if (shard_writer_end(s->w, domain, text_bytes, err, sizeof err) != 0)
        die("%s", err);
    s->m.domain = s->documents++ == 0 || s->m.domain == domain ? domain : DOMAIN_OTHER;
    if (shard_writer_tokens(s->w) >= shard_tokens || shard_writer_documents(s->w) >= SHARD_MAX_DOCUMENTS)
        finish_shard(j, s);
}

static void finish_split(struct job *j, struct split *s)
{
    if (s->w)
        finish_shard(j, s);
    manifest_seal(&s->m);
    sharddir_manifest(s->dir, &s->m);
}

static void print_paths(const char *dir, const struct split *s)
{
    for (size_t i = 0; i < s->m.n_shards; i++) {
        char *path = shard_path(dir, i, s->m.archive);
        puts(path);
        free(path);
    }
}

static void take_header(struct job *j, const struct tokens_header *h)
{
    if (h->eos_id >= h->vocab_size)
        die("%s: its tokenizer has no end-of-text token, which must end each document", input);
    j->like = (struct shard_header){.vocab_size = h->vocab_size,
                                    .token_width = h->token_width,
                                    .eos_id = h->eos_id,
                                    .bos_id = h->bos_id,
                                    .tokenizer_hash = h->tokenizer_hash};
}

/* Publishes counters for monitors. */
static void publish(uint64_t n_documents, uint64_t n_tokens)
{
    static struct counter documents = COUNTER("documents", "docs"), tokens = COUNTER("tokens", "tokens");
    counters_begin();
    counter_set(&documents, (double)n_documents);
    counter_set(&tokens, (double)n_tokens);
    counters_end();
}

/* Moves everything from the reader into shards. False: stopped by a signal. */
static bool cut(struct job *j, struct tok_reader *r)
{
    struct shuffle_sink sink = {j, sink_begin, sink_tokens, sink_end};
    struct shuffle *s = shuffle_new(buffer_bytes, j->like.token_width, seed, &sink);
    struct tok_record_view v;
    uint64_t tokens = 0, documents = 0;
    while (tok_reader_next(r, &v)) {
        shuffle_put(s, &v);
        documents += !(v.flags & TOKENS_CONTINUED);
        tokens += v.n_tokens;
        publish(documents, tokens);
        progress("read", tokens, 0, "tokens", NULL);
    }
    if (!stop_signal) {
        hold_one_out(j, s);
        shuffle_flush(s);
    }
    progress_end();
    if (shuffle_empty(s))
        say("%llu empty documents left out", (unsigned long long)shuffle_empty(s));
    shuffle_free(s);
    return !stop_signal;
}

static void report(const struct job *j)
{
    const struct manifest *t = &j->train.m, *v = &j->val.m;
    say("%s: %llu documents, %llu tokens, shards: %zu", output, (unsigned long long)t->documents,
        (unsigned long long)t->tokens, t->n_shards);
    if (val_share > 0)
        say("%s/val: %llu documents, %llu tokens", output, (unsigned long long)v->documents,
            (unsigned long long)v->tokens);
    if (t->documents == 0)
        warn("%s: no documents to train on", output);
    if (val_share > 0 && v->documents == 0)
        warn("%s/val: no document was held out of %llu; take a larger --val", output,
             (unsigned long long)t->documents);
}

static void job_open(struct job *j, const struct tokens_header *h)
{
    take_header(j, h);
    sharddir_open(&j->out, output);
    split_init(&j->train, j, "train", xstrdup(j->out.tmp));
    split_init(&j->val, j, "val", path_join(j->out.tmp, "val"));
    if (val_share > 0 && mkdir(j->val.dir, 0755) != 0)
        die_errno("%s: cannot make directory", j->val.dir);
}

static void job_commit(struct job *j)
{
    char *val_dir = path_join(output, "val");
    if (val_share > 0)
        finish_split(j, &j->val);
    finish_split(j, &j->train);
    commit_dir_finish(&j->out);
    say_in_place(output);
    report(j);
    print_paths(output, &j->train);
    print_paths(val_dir, &j->val);
    free(val_dir);
    close_stdout();
}

static void split_free(struct split *s)
{
    shard_writer_abort(s->w);
    manifest_free(&s->m);
    free(s->dir);
}

static int build(int kind)
{
    struct job j = {.archive = kind};
    apart_output_dir(output, true);
    struct tok_reader *r = tok_reader_open(input);
    job_open(&j, tok_reader_header(r));
    bool whole = cut(&j, r);
    tok_reader_close(r);
    if (whole)
        job_commit(&j);
    split_free(&j.train);
    split_free(&j.val);
    if (!whole)
        commit_dir_abort(&j.out);
    return whole ? 0 : signal_exit_code();
}

static int convert(const char *from, int kind)
{
    struct commit_dir d;
    char *in = realpath(from, NULL), *out = output ? realpath(output, NULL) : NULL;
    if (in && out && strcmp(in, out) != 0) {
        apart_input_dir(from);
        apart_output_dir(output, true);
    }
    free(in);
    free(out);
    sharddir_open(&d, output ? output : from);
    archive_dir(from, d.tmp, kind);
    if (stop_signal)
        commit_dir_abort(&d);
    else
        commit_dir_finish(&d);
    return signal_exit_code();
}

static int merge_all(char **from, int n)
{
    struct commit_dir d;
    size_t val;
    for (int i = 0; i < n; i++)
        apart_input_dir(from[i]);
    apart_output_dir(output, true);
    sharddir_open(&d, output);
    size_t shards = merge_dirs(from, n, d.tmp, &val);
    if (stop_signal) {
        commit_dir_abort(&d);
        return signal_exit_code();
    }
    commit_dir_finish(&d);
    say_in_place(output);
    say("%s: %zu shards, %zu held out, of %d directories", output, shards, val, n);
    for (size_t i = 0; i < shards + val; i++) {
        char *path = i < shards ? shard_path(output, i, ARCHIVE_NONE) : NULL;
        char *dir = path_join(output, "val");
        if (!path)
            path = shard_path(dir, i - shards, ARCHIVE_NONE);
        puts(path);
        free(dir);
        free(path);
    }
    close_stdout();
    return 0;
}

int main(int argc, char **argv)
{
    int n = cli_parse(&cli, argc, argv);
    int kind = archive ? archive_from_name(archive) : ARCHIVE_NONE;
    if (archive && kind <= ARCHIVE_NONE)
        usage_error("--archive is zstd or lz4, not '%s'", archive);
    if (merge && (archive || unpack || n == 0 || !output))
        usage_error("--merge needs directories and -o DIR, and no --archive or --unpack");
    if (merge) {
        signals_install();
        return merge_all(argv, n);
    }
    if (n > 1 || (n == 1 && !archive && !unpack))
        usage_error("one operand, with --archive or --unpack; tokens come from -i");
    if (unpack && (archive || n == 0))
        usage_error("--unpack needs a directory, and no --archive");
    if (n == 0 && !output)
        usage_error("-o DIR is needed");
    if (shard_tokens == 0 || shard_tokens > 1ull << 40)
        usage_error("-n is 1 to 2^40 tokens");
    if (buffer_bytes < 2000000 || buffer_bytes > SHUFFLE_MAX_BYTES)
        usage_error("--shuffle-buffer is 2MB to 640MB");
    if (seed > INT64_MAX || val_share >= 1)
        usage_error(seed > INT64_MAX ? "--seed is below 2^63" : "--val is below 100%%");
    signals_install();
    return n == 1 ? convert(argv[0], kind) : build(kind);
}
