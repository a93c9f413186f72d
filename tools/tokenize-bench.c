/*
 * tokenize-bench - how fast text becomes ids in memory: cold, warm, worst case, by threads
 *
 * Reads all documents, then encodes them over and over, so that neither files
 * nor JSON are measured. Cold is a new encoder (its memory and caches are made within the time) over
 * all documents once; warm is the same encoder over them again. The worst cases are
 * texts made to miss the caches and to merge much. Time is that of the processor, so that another program's
 * share does not count; with threads, that of the slowest. Figures are medians.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/stream/input.h"
#include "pipeline/lib/log.h"
#include "pipeline/text/encode/pieces.h"
#include "pipeline/text/vocabulary/tokenizer.h"

enum { MAX_REPEATS = 31, WORST_BYTES = 1 << 20 };

static const char *tokenizer_path, *text_field;
static int64_t threads = 2, repeats = 5;
static bool worst;

static const struct opt opts[] = {
    {'t', "tokenizer", OPT_STR, &tokenizer_path, "FILE", "tokenizer.json"},
    {'f', "text-field", OPT_STR, &text_field, "FIELD", "where the text is in JSON"},
    {'j', "threads", OPT_INT, &threads, "N", "also with this many threads (default 2)"},
    {'r', "repeats", OPT_INT, &repeats, "N", "of each measurement, up to 31 (default 5)"},
    {0, "worst", OPT_FLAG, &worst, NULL, "made texts of 1 MiB instead of documents"},
    {0},
};

static const struct cli cli = {"tokenize-bench", "how fast text becomes ids in memory",
                               "tokenize-bench -t FILE [OPTION...] DOCUMENTS...", opts, NULL};

struct texts {
    struct strbuf bytes;
    size_t *ends, n, cap;
};

struct job { /* one thread's; threads take the next text when they are done with one, as `tokenize` does */
    pthread_t thread;
    const struct tokenizer *t;
    const struct texts *texts;
    struct pieces *shared;
    struct encoder *e;
    atomic_size_t *next;
    uint64_t ids;
    double seconds;
};

static void add_text(struct texts *t, const char *s, size_t len)
{
    if (t->n == t->cap)
        t->ends = xrealloc(t->ends, (t->cap = t->cap * 2 + 64) * sizeof *t->ends);
    strbuf_add(&t->bytes, s, len);
    t->ends[t->n++] = t->bytes.len;
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void *encode_share(void *arg)
{
    struct job *j = arg;
    size_t n;
    double start = cpu_seconds();
    if (!j->e)
        j->e = encoder_new(j->t, j->shared);
    j->ids = 0;
    for (size_t i; (i = atomic_fetch_add(j->next, 1)) < j->texts->n;) {
        size_t from = i ? j->texts->ends[i - 1] : 0;
        encode(j->e, j->texts->bytes.s + from, j->texts->ends[i] - from, false, &n);
        j->ids += n;
    }
    j->seconds = cpu_seconds() - start;
    return NULL;
}

/* Processor seconds for all texts, of the thread that took most. */
static double run(struct job *jobs, size_t n)
{
    double most = 0;
    atomic_size_t next = 0;
    for (size_t i = 0; i < n; i++)
        jobs[i].next = &next;
    for (size_t i = 1; i < n; i++)
        if (pthread_create(&jobs[i].thread, NULL, encode_share, &jobs[i]) != 0)
            die("cannot start a thread");
    encode_share(&jobs[0]);
    for (size_t i = 1; i < n; i++)
        pthread_join(jobs[i].thread, NULL);
    for (size_t i = 0; i < n; i++)
        most = jobs[i].seconds > most ? jobs[i].seconds : most;
    return most;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *v)
{
    qsort(v, (size_t)repeats, sizeof *v, by_value);
    return v[repeats / 2];
}

static void measure(const struct tokenizer *t, const struct texts *texts, const char *name)
{
    double cold[MAX_REPEATS], warm[MAX_REPEATS], many[MAX_REPEATS], mb = (double)texts->bytes.len / 1e6;
    size_t n = (size_t)threads;
    struct job *jobs = xcalloc(n, sizeof *jobs);
    uint64_t ids = 0;
    for (int64_t r = 0; r < repeats; r++) { /* in turn, so that what else the machine does hits all alike */
        struct pieces *shared = pieces_new(t);
        for (size_t i = 0; i < n; i++)
            jobs[i] = (struct job){.t = t, .texts = texts, .shared = shared};
        many[r] = run(jobs, n);
        for (size_t i = 0; i < n; i++)
            encoder_free(jobs[i].e);
        pieces_free(shared);
        jobs[0] = (struct job){.t = t, .texts = texts};
        cold[r] = run(jobs, 1);
        ids = jobs[0].ids;
        warm[r] = run(jobs, 1);
        encoder_free(jobs[0].e);
    }
    double c = median(cold), w = median(warm), m = median(many);
    printf("%-20s %8.1f MB %6.2f bytes/token  cold %8.1f  warm %8.1f  %zu threads %8.1f MB/s (%.2f x)\n",
           name, mb, (double)texts->bytes.len / (double)(ids ? ids : 1), mb / c, mb / w, n, mb / m, c / m);
    free(jobs);
}

static uint64_t state = 88172645463325252u;
static uint32_t rnd(uint32_t below)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (uint32_t)(state >> 20) % below;
}

/* kind: 0 one letter, 1 random letters unbroken, 2 random words, 3 random Han characters, 4 random bytes */
static void measure_worst(const struct tokenizer *t)
{
    static const char *const names[] = {"1 MiB of a", "letters, unbroken", "random words", "random Han",
                                        "random bytes"};
    for (int kind = 0; kind < 5; kind++) {
        struct texts texts = {0};
        struct strbuf s = {0};
        while (s.len < WORST_BYTES) {
            unsigned char c[3] = {'a'};
            size_t n = 1;
            if (kind == 1 || kind == 2)
                c[0] = kind == 2 && rnd(7) == 0 ? ' ' : (unsigned char)('a' + rnd(26));
            if (kind == 3) {
                uint32_t point = 0x4e00 + rnd(0x5000);
                c[0] = (unsigned char)(0xe0 | point >> 12),
                c[1] = (unsigned char)(0x80 | (point >> 6 & 0x3f));
                c[2] = (unsigned char)(0x80 | (point & 0x3f)), n = 3;
            }
            if (kind == 4)
                c[0] = (unsigned char)rnd(256);
            strbuf_add(&s, c, n);
        }
        add_text(&texts, s.s, s.len);
        measure(t, &texts, names[kind]);
        strbuf_free(&s);
        strbuf_free(&texts.bytes);
        free(texts.ends);
    }
}

int main(int argc, char **argv)
{
    char err[800];
    int n = cli_parse(&cli, argc, argv);
    if (!tokenizer_path)
        usage_error("which tokenizer? -t tokenizer.json");
    if (threads < 1 || threads > 64 || repeats < 1 || repeats > MAX_REPEATS)
        usage_error("-j from 1 to 64, -r from 1 to %d", MAX_REPEATS);
    struct tokenizer *t = tokenizer_load(tokenizer_path, err, sizeof err);
    if (!t)
        die("%s", err);
    if (worst)
        measure_worst(t);
    for (int i = 0; i < n; i++) {
        const char *path = argv[i];
        struct input_opts o = {.text_field = text_field, .domain = -1};
        struct input *in = input_open(&o, &path, 1);
        struct texts texts = {0};
        struct doc d;
        while (input_next(in, &d))
            add_text(&texts, d.text, d.len);
        input_close(in);
        const char *slash = strrchr(path, '/');
        if (texts.n > 0)
            measure(t, &texts, slash && slash[1] ? slash + 1 : path);
        strbuf_free(&texts.bytes);
        free(texts.ends);
    }
    tokenizer_free(t);
    close_stdout();
    return 0;
}
