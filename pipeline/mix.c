/*
 * mix - draw training batches from sharded sources, by weight
 *
 * in:  directories of shards (formats/shard.md)
 * out: batches (formats/batch.md), one record a step
 *
 * Row r = step * B + i of the stream is a window of a source. mix/shares.h chooses the source and mix/order.h
 * the window, from the sources, their weights, the seed and r alone. So a stream can begin at any step and
 * continue exactly.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "formats/batch.h"
#include "formats/json_text.h"
#include "formats/shard.h"
#include "formats/tokens.h"
#include "pipeline/stream/batchstream.h"
#include "pipeline/lib/apart.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/counters.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/mix/order.h"
#include "pipeline/mix/shares.h"

enum {
    WARN_EPOCHS = 4,
    PREFETCH_ROWS = 4
}; /* repeating data more than 4 times teaches little: Muennighoff et al. 2023, arXiv:2305.16264 */

#define NEVER UINT64_MAX

static const char *output = "-";
static uint64_t T = 256, B = 32, seed, steps = NEVER, start_step, max_epochs;
static bool dry_run, as_json;

static const struct opt opts[] = {
    {'T', "context", OPT_U64, &T, "N",
     "tokens a row; each row carries one more, for the last target (default 256)"},
    {'B', "batch", OPT_U64, &B, "N", "rows a step (default 32)"},
    {0, "seed", OPT_U64, &seed, "N", "seed of the order (default 0)"},
    {0, "steps", OPT_U64, &steps, "N", "end before step N (default: never)"},
    {0, "start-step", OPT_U64, &start_step, "N",
     "begin at step N, as if the steps before had been drawn (default 0)"},
    {0, "max-epochs", OPT_U64, &max_epochs, "N", "read no source more than N times (default: warn above 4)"},
    {'o', "output", OPT_STR, &output, "TO", "batches: - (stdout, the default), a path, or ring:NAME"},
    {0, "dry-run", OPT_FLAG, &dry_run, NULL, "print what would be drawn from each source, and end"},
    {0, "json", OPT_FLAG, &as_json, NULL, "with --dry-run: print it as JSON"},
    {0},
};

static const char notes[] =
    "WEIGHT is a decimal number; weights are relative, and count tokens. After every row each source is less "
    "than\n"
    "one row away from its exact share.\n"
    "\n"
    "A row is T+1 neighbouring tokens of a source (windows overlap by that one token, documents are "
    "separated by\n"
    "end-of-text). A source's windows come in a random order, each once, before any comes again; of a source "
    "above\n"
    "64 MiB, those of some stretches at a time, from anywhere in it. What a step holds\n"
    "depends only on the sources, weights, T, B, the seed and the step's number: to continue a run, give the "
    "same\n"
    "command and --start-step. --steps is the number of the step to end before, so it stays as it was.\n"
    "\n"
    "With --steps, a source that would be read more than --max-epochs times is an error before anything is "
    "written;\n"
    "without, the stream ends whole before the step that would do so.\n"
    "\n"
    "Examples:\n"
    "  mix language=40:tokens/language code=25:tokens/code -T 256 -B 32 --seed 7 --steps 400 --dry-run\n"
    "  mix language=40:tokens/language code=25:tokens/code -T 256 -B 32 --seed 7 --steps 400 | train -m nano "
    "...\n"
    "\n"
    "Exit: 0 done, or the reader of the ring wanted no more; 1 failed; 2 misuse; 128+n stopped by signal n, "
    "after a\n"
    "whole record.";

static const struct cli cli = {"mix", "draw training batches from sharded sources, by weight",
                               "mix NAME=WEIGHT:DIR ... [-T N] [-B N] [--seed N] [--steps N] [-o TO]", opts,
                               notes};

struct mix_source {
    char *name;
    const char *dir;
    struct shard_set *source;
    uint64_t weight; /* as given on the command line, times 1e9 */
    uint64_t windows,
        key; /* key: seeds the order; derived from the name, so that it does not depend on other sources */
    struct order order;
    bool warned;
};

struct mix {
    size_t n;
    struct mix_source s[BATCH_MAX_SOURCES];
    struct shares shares;
    struct batch_header header;
    struct batch_row *plan; /* the rows of the current step */
};
_Static_assert((int)SHARES_MAX == (int)BATCH_MAX_SOURCES, "every source of a stream can be scheduled");

static char err[4096];

static void parse_source(struct mix *m, const char *word)
{
    const char *eq = strchr(word, '='), *colon = eq ? strchr(eq, ':') : NULL;
    struct mix_source *s = &m->s[m->n];
    if (!eq || !colon || colon[1] == 0)
        usage_error("'%s': a source is NAME=WEIGHT:DIR", word);
    size_t len = (size_t)(eq - word);
    if (len == 0 || len > 32 ||
        strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") < len)
        usage_error("'%s': a name is 1 to 32 letters, digits, '_', '.' and '-'", word);
    if (m->n == BATCH_MAX_SOURCES)
        usage_error("more than %d sources", BATCH_MAX_SOURCES);
    *s = (struct mix_source){.name = xasprintf("%.*s", (int)len, word), .dir = colon + 1};
    if (weight_parse(eq + 1, (size_t)(colon - eq - 1), &s->weight) != 0)
        usage_error("'%s': a weight is a number above 0, below a million, with at most 9 decimals", word);
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->s[i].name, s->name) == 0)
            usage_error("two sources are named '%s'", s->name);
    s->key = XXH3_64bits(s->name, len);
    m->n++;
}

static void open_source(struct mix_source *s, const struct mix_source *first)
{
    apart_input_dir(s->dir);
    s->source = shard_set_open(s->dir, false, err, sizeof err);
    if (!s->source)
        die("%s", err);
    uint64_t n = shard_set_tokens(s->source);
    s->windows = n > 0 ? (n - 1) / T : 0;
    if (s->windows == 0)
        die("%s: %" PRIu64 " tokens are too few for a row of %" PRIu64, s->dir, n, T + 1);
    order_init(&s->order, s->windows, T * shard_set_token_width(s->source), seed, s->key);
    if (shard_set_vocab_size(s->source) != shard_set_vocab_size(first->source))
        die("%s has a vocabulary of %u, %s of %u: encode them with the same tokenizer", first->dir,
            shard_set_vocab_size(first->source), s->dir, shard_set_vocab_size(s->source));
    if (shard_set_tokenizer_hash(s->source) != shard_set_tokenizer_hash(first->source) ||
        shard_set_eos(s->source) != shard_set_eos(first->source))
        die("%s and %s were made with different tokenizers (%016" PRIx64 " and %016" PRIx64 ")", first->dir,
            s->dir, shard_set_tokenizer_hash(first->source), shard_set_tokenizer_hash(s->source));
}

/* Hashes everything that decides which rows are drawn. Weights count in lowest terms: 40/60 equals 2/3.
 * Whether a source is read in chapters follows from its size, but early versions had no chapters, so it is
 * hashed as well. */
static uint64_t mix_hash(const struct mix *m)
{
    struct strbuf b = {0};
    strbuf_addf(&b, "mix 1 seed %" PRIu64 " T %" PRIu64 " B %" PRIu64 "\n", seed, T, B);
    for (size_t i = 0; i < m->n; i++) {
        strbuf_addf(&b, "%s %" PRIu64 " %016" PRIx64 "\n", m->s[i].name, m->shares.s[i].weight,
                    shard_set_hash(m->s[i].source));
        if (m->s[i].order.n_chapters > 1)
            strbuf_addf(&b, "chapters %" PRIu64 "\n", m->s[i].order.n_chapters);
    }
    uint64_t h = XXH3_64bits(b.s, b.len);
    strbuf_free(&b);
    return h;
}

static void seal_header(struct mix *m)
{
    const struct shard_set *s = m->s[0].source;
    m->header = (struct batch_header){
        .B = (uint32_t)B,
        .T = (uint32_t)T,
        .vocab_size = shard_set_vocab_size(s),
        .n_sources = (uint32_t)m->n,
        .tokenizer_hash = shard_set_tokenizer_hash(s),
        .seed = seed,
        .mix_hash = mix_hash(m),
        .first_step = start_step,
        .eos_id = shard_set_eos(s),
    };
    batch_header_seal(&m->header);
    if (batch_header_check(&m->header) != BATCH_OK)
        usage_error("-B %" PRIu64 " rows of -T %" PRIu64 " tokens are more than a step may hold (%d MiB)", B,
                    T, BATCH_MAX_RECORD >> 20);
}

static void mix_open(struct mix *m, char **words, int n)
{
    uint64_t weights[BATCH_MAX_SOURCES];
    for (int i = 0; i < n; i++)
        parse_source(m, words[i]);
    for (size_t i = 0; i < m->n; i++) {
        open_source(&m->s[i], &m->s[0]);
        weights[i] = m->s[i].weight;
    }
    shares_init(&m->shares, weights, m->n);
    seal_header(m);
    m->plan = xcalloc(B, sizeof *m->plan);
}

static void mix_close(struct mix *m)
{
    for (size_t i = 0; i < m->n; i++) {
        shard_set_close(m->s[i].source);
        free(m->s[i].name);
    }
    free(m->plan);
}

/* How many epochs of source i have been read once `drawn` windows were: whole ones and a part. */
static double epochs(const struct mix *m, size_t i, uint64_t drawn)
{
    return (double)drawn / (double)m->s[i].windows;
}

/* Checks how often sources will repeat, when the last step is known. */
static void check_repeats(struct mix *m)
{
    struct shares end = m->shares;
    if (steps == NEVER)
        return;
    shares_seek(&end, steps * B);
    for (size_t i = 0; i < m->n; i++) {
        double e = epochs(m, i, end.s[i].drawn);
        m->s[i].warned = true;
        if (max_epochs > 0 && e > (double)max_epochs)
            die("%s: %s would be read %.2f times in %" PRIu64 " steps, more than --max-epochs %" PRIu64
                ": fewer steps, a smaller weight, or more data",
                m->s[i].name, m->s[i].dir, e, steps, max_epochs);
        if (e > WARN_EPOCHS && !dry_run)
            warn("%s: %s will be read %.1f times in %" PRIu64 " steps; more than %d teaches little new",
                 m->s[i].name, m->s[i].dir, e, steps, WARN_EPOCHS);
    }
}

static void print_table(const struct mix *m, const struct shares *from, const struct shares *to,
                        uint64_t n_steps)
{
    uint64_t rows = to->row - from->row;
    printf("%-16s %8s %14s %12s %14s %8s %9s\n", "source", "weight", "tokens", "windows", "drawn", "epochs",
           "share");
    for (size_t i = 0; i < m->n; i++) {
        uint64_t drawn = to->s[i].drawn - from->s[i].drawn;
        printf("%-16s %7.2f%% %14" PRIu64 " %12" PRIu64 " %14" PRIu64 " %8.2f %8.3f%%%s\n", m->s[i].name,
               100.0 * (double)to->s[i].weight / (double)to->total, shard_set_tokens(m->s[i].source),
               m->s[i].windows, drawn * T, epochs(m, i, to->s[i].drawn),
               rows ? 100.0 * (double)drawn / (double)rows : 0.0,
               epochs(m, i, to->s[i].drawn) > WARN_EPOCHS ? "  repeats often" : "");
    }
    printf("%" PRIu64 " steps of %" PRIu64 " x %" PRIu64 " tokens from step %" PRIu64 ": %" PRIu64
           " tokens; mix %016" PRIx64 "\n",
           n_steps, B, T, start_step, rows * T, m->header.mix_hash);
}

static void print_json(const struct mix *m, const struct shares *from, const struct shares *to,
                       uint64_t n_steps)
{
    json_t *sources = json_array();
    char hash[17];
    uint64_t rows = to->row - from->row;
    for (size_t i = 0; i < m->n; i++) {
        uint64_t drawn = to->s[i].drawn - from->s[i].drawn;
        json_array_append_new(sources,
                              json_pack("{s:s, s:o, s:s, s:f, s:I, s:I, s:I, s:I, s:I, s:f, s:f}", "name",
                                        m->s[i].name, "dir", json_text(m->s[i].dir, strlen(m->s[i].dir)),
                                        "domain", domain_names[shard_set_domain(m->s[i].source)], "weight",
                                        (double)to->s[i].weight / (double)to->total, "tokens",
                                        (json_int_t)shard_set_tokens(m->s[i].source), "documents",
                                        (json_int_t)shard_set_documents(m->s[i].source), "text_bytes",
                                        (json_int_t)shard_set_text_bytes(m->s[i].source), "windows",
                                        (json_int_t)m->s[i].windows, "drawn_tokens", (json_int_t)(drawn * T),
                                        "epochs", epochs(m, i, to->s[i].drawn), "share",
                                        rows ? (double)drawn / (double)rows : 0.0));
    }
    snprintf(hash, sizeof hash, "%016" PRIx64, m->header.mix_hash);
    json_t *root = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "mix_hash", hash, "start_step",
                             (json_int_t)start_step, "steps", (json_int_t)n_steps, "B", (json_int_t)B, "T",
                             (json_int_t)T, "tokens", (json_int_t)(rows * T), "sources", sources);
    json_dumpf(root, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
    putchar('\n');
    json_decref(root);
}

static void print_dry_run(struct mix *m)
{
    struct shares from = m->shares, to = m->shares;
    uint64_t end = steps == NEVER ? start_step + 1000 : steps > start_step ? steps : start_step;
    shares_seek(&from, start_step * B);
    shares_seek(&to, end * B);
    if (as_json)
        print_json(m, &from, &to, end - start_step);
    else
        print_table(m, &from, &to, end - start_step);
    close_stdout();
}

/* Makes draw k of a source, k from 0. */
static struct batch_row draw(struct mix *m, size_t i, uint64_t k)
{
    struct mix_source *s = &m->s[i];
    uint64_t epoch = k / s->windows;
    if (epoch > UINT32_MAX)
        die("%s: %s has been read 2^32 times", s->name, s->dir);
    return (struct batch_row){
        .source = (uint16_t)i, .epoch = (uint32_t)epoch, .offset = order_at(&s->order, k) * T};
}

/* Chooses the step's rows into m->plan. False: a source would be read more often than --max-epochs allows. */
static bool plan_step(struct mix *m)
{
    for (uint64_t i = 0; i < B; i++) {
        size_t s = shares_next(&m->shares);
        m->plan[i] = draw(m, s, m->shares.s[s].drawn - 1);
        if (max_epochs > 0 && m->plan[i].epoch >= max_epochs) {
            say("%s has been read %" PRIu64 " times: the stream ends here, as --max-epochs asks",
                m->s[s].name, max_epochs);
            return false;
        }
        if (m->plan[i].epoch >= WARN_EPOCHS && !m->s[s].warned) {
            warn("%s: %s is being read for the %" PRIu32 "th time", m->s[s].name, m->s[s].dir,
                 m->plan[i].epoch + 1);
            m->s[s].warned = true;
        }
    }
    return true;
}

/* Prefetches row i. Rows come from random places in hundreds of megabytes, so half the time of copying them
 * would be waiting for memory. */
static void prefetch_row(struct mix *m, uint64_t i)
{
    if (i < B)
        shard_set_prefetch(m->s[m->plan[i].source].source, m->plan[i].offset, T + 1);
}

static void fill_step(struct mix *m, void *record)
{
    size_t row_bytes = (size_t)(T + 1) * m->header.token_width;
    char *tokens = batch_tokens(&m->header, record);
    memcpy(batch_rows(record), m->plan, B * sizeof *m->plan);
    for (uint64_t i = 0; i < PREFETCH_ROWS; i++)
        prefetch_row(m, i);
    for (uint64_t i = 0; i < B; i++) {
        prefetch_row(m, i + PREFETCH_ROWS);
        const struct mix_source *s = &m->s[m->plan[i].source];
        if (shard_set_read(s->source, m->plan[i].offset, T + 1, tokens + i * row_bytes, err, sizeof err) != 0)
            die("%s", err);
    }
}

/* Publishes counters for monitors. */
static void publish(uint64_t done, double stall)
{
    static struct counter step = GAUGE("step", "steps"), tokens = COUNTER("tokens", "tokens"),
                          waited = COUNTER("stall_out", "s");
    counters_begin();
    counter_set(&step, (double)done);
    counter_set(&tokens, (double)((done - start_step) * B * T));
    counter_set(&waited, stall);
    counters_end();
}

static int stream(struct mix *m)
{
    struct batch_writer *w = batch_writer_open(output, &m->header);
    uint64_t step = start_step;
    shares_seek(&m->shares, start_step * B);
    bool whole = true;
    for (; step < steps && plan_step(m); step++) {
        void *record = batch_writer_claim(w);
        if (!record) {
            whole = false;
            break;
        }
        fill_step(m, record);
        batch_writer_commit(w, step);
        publish(step + 1, batch_writer_stall_seconds(w));
        progress("mixed", step + 1 - start_step, steps == NEVER ? 0 : steps - start_step, "steps", NULL);
    }
    progress_end();
    detail("%" PRIu64 " steps, waited %.1f s for the reader", step - start_step,
           batch_writer_stall_seconds(w));
    batch_writer_close(w, whole);
    return stop_signal ? signal_exit_code() : 0;
}

int main(int argc, char **argv)
{
    static struct mix m;
    int n = cli_parse(&cli, argc, argv);
    if (n == 0)
        usage_error("a source is needed: NAME=WEIGHT:DIR");
    if (T == 0 || T > BATCH_MAX_T || B == 0 || B > BATCH_MAX_B)
        usage_error("-T is 1 to %d and -B 1 to %d", BATCH_MAX_T, BATCH_MAX_B);
    if ((steps != NEVER && steps > 1ull << 40) || start_step > 1ull << 40 || max_epochs > 1ull << 32)
        usage_error("--steps, --start-step or --max-epochs is too large");
    if (as_json && !dry_run)
        usage_error("--json is of --dry-run");
    signals_install();
    mix_open(&m, argv, n);
    if (dry_run)
        print_dry_run(&m);
    check_repeats(&m); /* a dry run fails where the real one would, after it has shown why */
    int code = dry_run ? 0 : stream(&m);
    mix_close(&m);
    return code;
}
