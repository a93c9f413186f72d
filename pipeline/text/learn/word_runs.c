/*
 * word_runs.c - writes runs to disk, and merges many sorted sources
 *
 * A run is records of {u32 hash, u32 length, u64 count, bytes}. When there are MAX_RUNS runs they are merged
 * into one, so that files and buffers stay few however long the input is.
 */
#include "pipeline/text/learn/word_runs.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

enum { MAX_RUNS = 32, BUFFER = 256 << 10 };

struct word_runs {
    pthread_mutex_t mutex;
    FILE *files[MAX_RUNS];
    size_t n;
    uint64_t bytes;
};

struct head { /* the header of a record in a file */
    uint32_t hash, len;
    uint64_t count;
};

struct merged_run { /* a sorted run of words; `word` is the current one */
    struct word word;
    const struct word_counts *table; /* NULL: the run is a file */
    size_t next;
    FILE *file;
    char *bytes; /* the bytes of `word`, when it comes from a file */
};

static const char *temporary_dir(void)
{
    const char *dir = getenv("TMPDIR");
    return dir && *dir ? dir : "/tmp";
}

static FILE *temporary_file(void)
{
    char *path = xasprintf("%s/tokenize-XXXXXX", temporary_dir());
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        die_errno("%s: cannot make a temporary file (words are more than --memory)", path);
    unlink(path);
    free(path);
    FILE *f = fdopen(fd, "w+");
    if (!f || setvbuf(f, NULL, _IOFBF, BUFFER) != 0)
        die("out of memory");
    return f;
}

static void write_bytes(FILE *f, const void *p, size_t n)
{
    if (fwrite_unlocked(p, 1, n, f) != n)
        die_errno("%s: cannot write a temporary file", temporary_dir());
}

static void write_word(void *file, const struct word *w)
{
    struct head h = {w->hash, w->len, w->count};
    write_bytes(file, &h, sizeof h);
    write_bytes(file, w->bytes, w->len);
}

static void finish_writing(FILE *f)
{
    if (fflush(f) != 0)
        die_errno("%s: cannot write a temporary file", temporary_dir());
}

struct word_runs *word_runs_new(void)
{
    struct word_runs *r = xcalloc(1, sizeof *r);
    pthread_mutex_init(&r->mutex, NULL);
    return r;
}

void word_runs_free(struct word_runs *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n; i++)
        fclose(r->files[i]);
    pthread_mutex_destroy(&r->mutex);
    free(r);
}

uint64_t word_runs_bytes(const struct word_runs *r)
{
    return r->bytes;
}

/* ---- merging ---- */

/* Reports that a temporary file of ours was shortened, or holds bytes that we never wrote. */
_Noreturn static void bad_file(FILE *f)
{
    if (ferror(f))
        die_errno("%s: cannot read a temporary file", temporary_dir());
    die("%s: a temporary file has changed", temporary_dir());
}

/* Moves to the next word. False: there is none. */
static bool advance(struct merged_run *s)
{
    if (s->table) {
        if (s->next == s->table->n)
            return false;
        s->word = word_counts_get(s->table, s->next++);
        return true;
    }
    struct head h;
    size_t n = fread_unlocked(&h, 1, sizeof h, s->file);
    if (n == 0 && !ferror(s->file))
        return false;
    if (n != sizeof h || h.len > WORD_MAX || fread_unlocked(s->bytes, 1, h.len, s->file) != h.len)
        bad_file(s->file);
    s->word = (struct word){h.hash, h.len, h.count, s->bytes};
    return true;
}

/* Restores the heap after heap[at] has grown. */
static void sift_down(struct merged_run **heap, size_t n, size_t at)
{
    struct merged_run *s = heap[at];
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && word_compare(&heap[child + 1]->word, &heap[child]->word) < 0)
            child++;
        if (word_compare(&heap[child]->word, &s->word) >= 0)
            break;
        heap[at] = heap[child];
    }
    heap[at] = s;
}

static void merge(struct merged_run **heap, size_t n, void (*use)(void *arg, const struct word *w), void *arg)
{
    char bytes[WORD_MAX];
    struct word w = {.bytes = bytes};
    for (size_t i = n; i-- > 0;)
        sift_down(heap, n, i);
    while (n > 0 && !stop_signal) {
        struct merged_run *top = heap[0];
        if (w.count > 0 && word_compare(&w, &top->word) == 0) {
            w.count += top->word.count;
        } else {
            if (w.count > 0)
                use(arg, &w);
            memcpy(bytes, top->word.bytes, top->word.len);
            w = top->word;
            w.bytes = bytes;
        }
        if (!advance(top))
            heap[0] = heap[--n];
        if (n > 0)
            sift_down(heap, n, 0);
    }
    if (w.count > 0)
        use(arg, &w);
}

void word_runs_each(struct word_runs *r, const struct word_counts *tables, size_t n,
                    void (*use)(void *arg, const struct word *w), void *arg)
{
    size_t n_sources = r->n + n, n_heap = 0;
    struct merged_run *sources = xcalloc(n_sources + 1, sizeof *sources);
    struct merged_run **heap = xcalloc(n_sources + 1, sizeof *heap);
    for (size_t i = 0; i < n_sources; i++) {
        struct merged_run *s = &sources[i];
        if (i < r->n) {
            s->file = r->files[i];
            s->bytes = xmalloc(WORD_MAX);
            if (fseek(s->file, 0, SEEK_SET) != 0)
                die_errno("%s: cannot read a temporary file", temporary_dir());
        } else {
            s->table = &tables[i - r->n];
        }
        if (advance(s))
            heap[n_heap++] = s;
    }
    merge(heap, n_heap, use, arg);
    for (size_t i = 0; i < n_sources; i++)
        free(sources[i].bytes);
    free(heap);
    free(sources);
}

/* Merges all runs into one. */
static void join_runs(struct word_runs *r)
{
    FILE *f = temporary_file();
    word_runs_each(r, NULL, 0, write_word, f);
    finish_writing(f);
    for (size_t i = 0; i < r->n; i++)
        fclose(r->files[i]);
    r->files[0] = f;
    r->n = 1;
}

void word_runs_spill(struct word_runs *r, struct word_counts *c)
{
    FILE *f = temporary_file();
    word_counts_sort(c);
    for (size_t i = 0; i < c->n; i++) {
        struct word w = word_counts_get(c, i);
        write_word(f, &w);
    }
    finish_writing(f);
    word_counts_clear(c);
    pthread_mutex_lock(&r->mutex);
    r->bytes += (uint64_t)ftello(f);
    if (r->n == MAX_RUNS)
        join_runs(r);
    r->files[r->n++] = f;
    pthread_mutex_unlock(&r->mutex);
}
