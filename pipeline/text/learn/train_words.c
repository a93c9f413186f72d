#include "pipeline/text/learn/train_words.h"

#include <stdlib.h>

#include "pipeline/lib/log.h"
#include "pipeline/text/pretokenize/pretokenizer.h"
#include "pipeline/text/learn/word_runs.h"

enum { COUNTS = 1 << 12 }; /* counts that are distinguished when the rarest words are left out */

struct worker {
    struct pretokenizer *pretokenizer;
    struct word_counts counts;
};

struct train_words {
    struct worker *workers;
    size_t n_workers;
    uint64_t table_memory; /* for the table of each worker */
    struct word_runs *runs;
    uint64_t documents, bytes;
};

/* A word that is too long is counted as several. */
static void count_word(struct word_counts *c, const char *word, size_t n)
{
    for (; n > WORD_MAX; word += WORD_MAX, n -= WORD_MAX)
        word_counts_add(c, word, WORD_MAX, 1);
    if (n > 1) /* a single byte cannot be merged */
        word_counts_add(c, word, n, 1);
}

static void count_job(void *arg, size_t worker, void *job)
{
    struct train_words *t = arg;
    struct worker *w = &t->workers[worker];
    const struct batch *batch = job;
    const char *word;
    size_t n;
    for (size_t i = 0; i < batch->n_chunks; i++) {
        pretokenizer_begin(w->pretokenizer, batch->text.s + batch->chunks[i].at, batch->chunks[i].len);
        while ((n = pretokenizer_next(w->pretokenizer, &word)) > 0)
            count_word(&w->counts, word, n);
    }
    if (word_counts_memory(&w->counts) > t->table_memory)
        word_runs_spill(t->runs, &w->counts);
}

static void add_totals(void *arg, void *job)
{
    struct train_words *t = arg;
    const struct batch *batch = job;
    for (size_t i = 0; i < batch->n_chunks; i++) {
        t->documents += batch->chunks[i].last;
        t->bytes += batch->chunks[i].len;
    }
}

struct train_words *train_words_count(struct input *in, const struct feed_opts *feed, size_t n_threads,
                                      uint64_t memory)
{
    struct train_words *t = xcalloc(1, sizeof *t);
    size_t n_jobs = n_threads + n_threads / 2 + 2;
    void **jobs = xcalloc(n_jobs, sizeof *jobs);
    for (size_t i = 0; i < n_jobs; i++)
        jobs[i] = xcalloc(1, sizeof(struct batch));
    t->runs = word_runs_new();
    t->table_memory = memory / n_threads;
    t->n_workers = n_threads;
    t->workers = xcalloc(n_threads, sizeof *t->workers);
    for (size_t i = 0; i < n_threads; i++) {
        t->workers[i].pretokenizer = pretokenizer_new();
        word_counts_init(&t->workers[i].counts);
    }
    struct ordered_ops ops = {.work = count_job, .emit = add_totals, .arg = t};
    struct ordered *o = ordered_start(&ops, n_threads, jobs, n_jobs);
    batches_feed(o, in, feed);
    ordered_finish(o);
    for (size_t i = 0; i < n_jobs; i++) {
        strbuf_free(&((struct batch *)jobs[i])->text);
        free(jobs[i]);
    }
    free(jobs);
    return t;
}

/* ---- to the learner ---- */

struct choice {
    struct bpe *b;
    uint64_t words, left_out;
    uint64_t rare, spare; /* bytes of the words with this count; rarer words are left out */
    struct {
        uint64_t places, memory;
    } of[COUNTS + 1]; /* indexed by count; the last entry: all higher counts */
};

static void weigh(void *arg, const struct word *w)
{
    struct choice *c = arg;
    size_t i = w->count < COUNTS ? w->count : COUNTS;
    c->of[i].places += w->len + 1;
    c->of[i].memory += bpe_memory(w->len);
    c->words++;
}

/* Keeps as many words as there is memory for, the most frequent ones. */
static void find_rare(struct choice *c, uint64_t memory)
{
    uint64_t places = BPE_MAX_PLACES;
    c->spare = memory;
    for (c->rare = COUNTS; c->rare > 0; c->rare--) {
        if (c->of[c->rare].memory > c->spare || c->of[c->rare].places > places)
            break;
        c->spare -= c->of[c->rare].memory;
        places -= c->of[c->rare].places;
    }
    uint64_t bytes_of_places = places * bpe_memory(0);
    c->spare = c->spare < bytes_of_places ? c->spare : bytes_of_places;
}

static void pass_on(void *arg, const struct word *w)
{
    struct choice *c = arg;
    uint64_t count = w->count < COUNTS ? w->count : COUNTS, cost = bpe_memory(w->len);
    if (count < c->rare || (count == c->rare && cost > c->spare)) {
        c->left_out++;
        return;
    }
    if (count == c->rare)
        c->spare -= cost;
    bpe_add(c->b, w->bytes, w->len, w->count);
}

void train_words_learn(struct train_words *t, struct bpe *b, uint64_t memory, struct train_totals *totals)
{
    struct word_counts *tables = xcalloc(t->n_workers, sizeof *tables);
    struct choice *c = xcalloc(1, sizeof *c);
    c->b = b;
    for (size_t i = 0; i < t->n_workers; i++) {
        pretokenizer_free(t->workers[i].pretokenizer);
        tables[i] = t->workers[i].counts;
        word_counts_sort(&tables[i]);
    }
    word_runs_each(t->runs, tables, t->n_workers, weigh, c);
    find_rare(c, memory);
    word_runs_each(t->runs, tables, t->n_workers, pass_on, c);
    *totals = (struct train_totals){t->documents, t->bytes, c->words,
                                    c->left_out,  c->rare,  word_runs_bytes(t->runs)};
    for (size_t i = 0; i < t->n_workers; i++)
        word_counts_free(&tables[i]);
    word_runs_free(t->runs);
    free(tables);
    free(c);
    free(t->workers);
    free(t);
}
