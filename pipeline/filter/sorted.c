#include "pipeline/filter/sorted.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BUFFER_WORDS = 1 << 15 };

static int compare(const uint64_t *a, const uint64_t *b, unsigned words)
{
    if (a[0] != b[0])
        return a[0] < b[0] ? -1 : 1;
    return words == 1 || a[1] == b[1] ? 0 : a[1] < b[1] ? -1 : 1;
}

/* Insertion sort: few keys are far from their place. */
static void sort(uint64_t *keys, size_t n, unsigned words)
{
    for (size_t i = 1; i < n; i++) {
        uint64_t key[2] = {keys[i * words], words == 2 ? keys[i * words + 1] : 0};
        size_t to = i;
        while (to > 0 && compare(keys + (to - 1) * words, key, words) > 0)
            to--;
        memmove(keys + (to + 1) * words, keys + to * words, (i - to) * words * sizeof *keys);
        memcpy(keys + to * words, key, words * sizeof *keys);
    }
}

static int open_temporary(const char *dir)
{
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    char *name = path_join(dir, ".tritter-filter-XXXXXX"); /* for file systems without O_TMPFILE */
    fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0)
        die_errno("%s: cannot make a temporary file", dir);
    unlink(name);
    free(name);
    return fd;
}

static struct sorted map(int fd, size_t n, unsigned words, const char *dir)
{
    void *keys = mmap(NULL, n * words * sizeof(uint64_t), PROT_READ, MAP_SHARED, fd, 0);
    if (keys == MAP_FAILED)
        die_errno("%s: cannot map a temporary file", dir);
    close(fd);
    madvise(keys, n * words * sizeof(uint64_t), MADV_RANDOM);
    return (struct sorted){.keys = keys, .n = n, .words = words};
}

struct sorted sorted_write(uint64_t *keys, size_t n, unsigned words, const char *dir)
{
    sort(keys, n, words);
    int fd = open_temporary(dir);
    write_all(fd, keys, n * words * sizeof *keys, dir);
    return map(fd, n, words, dir);
}

struct sorted sorted_merge(struct sorted *a, struct sorted *b, const char *dir)
{
    uint64_t *buffer = xmalloc(BUFFER_WORDS * sizeof *buffer);
    unsigned words = a->words;
    size_t i = 0, j = 0, n = 0, total = a->n + b->n;
    int fd = open_temporary(dir);
    while (i < a->n || j < b->n) {
        bool first = j == b->n || (i < a->n && compare(a->keys + i * words, b->keys + j * words, words) < 0);
        memcpy(buffer + n, first ? a->keys + i * words : b->keys + j * words, words * sizeof *buffer);
        i += first;
        j += !first;
        n += words;
        if (n == BUFFER_WORDS || i + j == total) {
            write_all(fd, buffer, n * sizeof *buffer, dir);
            n = 0;
        }
    }
    free(buffer);
    sorted_close(a);
    sorted_close(b);
    return map(fd, total, words, dir);
}

bool sorted_has(const struct sorted *f, const uint64_t *key)
{
    size_t low = 0, high = f->n; /* keys before low are less, keys from high on are greater */
    for (bool guess = true; low < high; guess = !guess) {
        uint64_t from = f->keys[low * f->words], to = f->keys[(high - 1) * f->words];
        if (key[0] < from || key[0] > to)
            return false;
        size_t at = low + (high - low) / 2; /* every second step halves, however the keys lie */
        if (guess && to > from)
            at = low + (size_t)((double)(key[0] - from) / (double)(to - from) * (double)(high - 1 - low));
        at = at < high ? at : high - 1;
        int order = compare(f->keys + at * f->words, key, f->words);
        if (order == 0)
            return true;
        if (order < 0)
            low = at + 1;
        else
            high = at;
    }
    return false;
}

void sorted_close(struct sorted *f)
{
    munmap((void *)f->keys, f->n * f->words * sizeof *f->keys);
    *f = (struct sorted){0};
}
