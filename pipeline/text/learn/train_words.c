#include "pipeline/text/learn/train_words.h"

#include <stdlib.h>

#include "pipeline/lib/log.h"
#include "pipeline/text/pretokenize/pretokenizer.h"
#include "pipeline/text/learn/word_runs.h"

_Static_assert((int)WORD_MAX == (int)WORDCOUNTS_LONGEST, "files take every word");

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

static struct train_words *new_words(size_t n_workers, uint64_t memory)
{
    struct train_words *t = xcalloc(1, sizeof *t);
    t->runs = word_runs_new();
    t->table_memory = memory / n_workers;
    t->n_workers = n_workers;
    t->workers = xcalloc(n_workers, sizeof *t->workers);
    for (size_t i = 0; i < n_workers; i++)
        word_counts_init(&t->workers[i].counts);
    return t;
}

struct train_words *train_words_count(struct input *in, const struct feed_opts *feed, size_t n_threads,
                                      uint64_t memory)
{
    struct train_words *t = new_words(n_threads, memory);
    size_t n_jobs = n_threads + n_threads / 2 + 2;
    void **jobs = xcalloc(n_jobs, sizeof *jobs);
    for (size_t i = 0; i < n_jobs; i++)
        jobs[i] = xcalloc(1, sizeof(struct batch));
    for (size_t i = 0; i < n_threads; i++)
        t->workers[i].pretokenizer = pretokenizer_new();
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

/* The tables of the workers, sorted. The caller frees the array. */
static struct word_counts *sorted_tables(struct train_words *t)
{
    struct word_counts *tables = xcalloc(t->n_workers, sizeof *tables);
    for (size_t i = 0; i < t->n_workers; i++) {
        tables[i] = t->workers[i].counts;
        word_counts_sort(&tables[i]);
    }
    return tables;
}

static void free_words(struct train_words *t, struct word_counts *tables)
{
    for (size_t i = 0; i < t->n_workers; i++) {
        word_counts_free(&tables[i]);
        pretokenizer_free(t->workers[i].pretokenizer);
    }
    word_runs_free(t->runs);
    free(tables);
    free(t->workers);
    free(t);
}

/* ---- in files ---- */

static void count_one(void *n, const struct word *w)
{
    (void)w;
    ++*(uint64_t *)n;
}

static void write_one(void *writer, const struct word *w)
{
    wordcounts_write(writer, w->bytes, w->len, w->count);
}

void train_words_write(struct train_words *t, FILE *f, struct wordcounts_head *head)
{
    struct word_counts *tables = sorted_tables(t);
    head->documents = t->documents;
    head->bytes = t->bytes;
    head->words = 0;
    word_runs_each(t->runs, tables, t->n_workers, count_one, &head->words);
    struct wordcounts_writer *w = wordcounts_write_head(f, head);
    if (!w)
        die("out of memory");
    word_runs_each(t->runs, tables, t->n_workers, write_one, w);
    wordcounts_write_end(w);
    free_words(t, tables);
}

static void add_counted(void *arg, const char *bytes, size_t len, uint64_t count)
{
    struct train_words *t = arg;
    struct word_counts *c = &t->workers[0].counts;
    word_counts_add(c, bytes, len, count);
    if (word_counts_memory(c) > t->table_memory)
        word_runs_spill(t->runs, c);
}

/* Notes that a part is there, of as many as there are files. */
static void note_part(const char *path, const struct wordcounts_head *h, size_t files, bool *there)
{
    if (h->of != files)
        die("%s: offset 16: part %u of %u, but %zu files are given", path, h->part, h->of, files);
    if (there[h->part - 1])
        die("%s: offset 12: part %u of %u is given twice", path, h->part, h->of);
    there[h->part - 1] = true;
}

struct train_words *train_words_read(char **paths, size_t n, uint64_t memory)
{
    struct train_words *t = new_words(1, memory);
    struct wordcounts_head h;
    bool *there = xcalloc(n, sizeof *there);
    char err[1024];
    for (size_t i = 0; i < n && !stop_signal; i++) {
        FILE *f = fopen(paths[i], "re");
        if (!f && !stop_signal)
            die_errno("%s", paths[i]);
        if (f && wordcounts_read(f, paths[i], &h, add_counted, t, err, sizeof err) != 0 && !stop_signal)
            die("%s", err);
        if (f)
            fclose(f);
        if (stop_signal) /* which ends waiting for a pipe, too */
            break;
        note_part(paths[i], &h, n, there);
        if (h.bytes > INT64_MAX - t->bytes)
            die("%s: offset 32: texts of more than 2^63 bytes in all", paths[i]);
        t->documents += h.documents;
        t->bytes += h.bytes;
    }
    free(there);
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
    struct word_counts *tables = sorted_tables(t);
    struct choice *c = xcalloc(1, sizeof *c);
    c->b = b;
    word_runs_each(t->runs, tables, t->n_workers, weigh, c);
    find_rare(c, memory);
    word_runs_each(t->runs, tables, t->n_workers, pass_on, c);
    *totals = (struct train_totals){t->documents, t->bytes, c->words,
                                    c->left_out,  c->rare,  word_runs_bytes(t->runs)};
    free_words(t, tables);
    free(c);
}
