#include "shm/stats.h"

#include "shm/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DIRECTORY "/dev/shm"
#define MAGIC 0x0a54415453545254ull /* "TRTSTAT\n" */

enum { VERSION = 1, PAGE_BYTES = 8192, PATH_BYTES = 128, TRIES = 1000, NAPS = 100 };

struct entry {
    char name[STATS_NAME], unit[STATS_UNIT];
    uint32_t kind, zero;
    _Atomic uint64_t value; /* a double, stored as its bits */
};

struct page {
    _Atomic uint64_t magic;
    uint32_t version;
    _Atomic uint32_t n;
    uint64_t process;
    _Atomic uint64_t sequence;
    char stage[STATS_NAME], label[STATS_LABEL];
    struct entry v[STATS_MAX];
};
_Static_assert(offsetof(struct page, stage) == 32 && offsetof(struct page, v) == 128 &&
                   sizeof(struct entry) == 64 && sizeof(struct page) <= PAGE_BYTES,
               "as in stats.md");

struct stats {
    struct page *page;
    char path[PATH_BYTES];
};

static void page_path(char *path, const char *name)
{
    snprintf(path, PATH_BYTES, DIRECTORY "/%s", name);
}

static void page_prefix(char *prefix, size_t cap)
{
    snprintf(prefix, cap, "tritter-stats-%lu-", (unsigned long)geteuid());
}

/* ---- writing ---- */

static void copy_text(char *to, size_t cap, const char *from)
{
    snprintf(to, cap, "%s", from ? from : "");
}

/* Makes a nameless file with all its memory allocated, and maps it. */
static struct page *make_page(int *fd)
{
    *fd = open(DIRECTORY, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (*fd < 0)
        return NULL;
    int failed = posix_fallocate(*fd, 0, PAGE_BYTES);
    void *p = failed ? MAP_FAILED : mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
    if (p != MAP_FAILED)
        return p;
    if (failed)
        errno = failed;
    close(*fd);
    return NULL;
}

int stats_create(struct stats **out, const char *stage, const char *label)
{
    char prefix[64], self[64];
    int fd;
    *out = NULL;
    struct stats *s = calloc(1, sizeof *s);
    struct page *p = s ? make_page(&fd) : NULL;
    if (!p) {
        free(s);
        return -1;
    }
    page_prefix(prefix, sizeof prefix);
    snprintf(s->path, sizeof s->path, DIRECTORY "/%s%ld", prefix, (long)getpid());
    s->page = p;
    p->version = VERSION;
    p->process = process_identity(getpid());
    copy_text(p->stage, sizeof p->stage, stage);
    copy_text(p->label, sizeof p->label, label);
    atomic_store_explicit(&p->magic, MAGIC,
                          memory_order_release); /* stored last; the reader loads it first */
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    unlink(s->path); /* left by an earlier process with our pid */
    int rc = linkat(AT_FDCWD, self, AT_FDCWD, s->path, AT_SYMLINK_FOLLOW);
    close(fd);
    if (rc != 0) {
        munmap(p, PAGE_BYTES);
        free(s);
        return -1;
    }
    *out = s;
    return 0;
}

int stats_add(struct stats *s, const char *name, const char *unit, enum stats_kind kind)
{
    uint32_t n = s ? s->page->n : STATS_MAX;
    if (n == STATS_MAX)
        return -1;
    struct entry *e = &s->page->v[n];
    copy_text(e->name, sizeof e->name, name);
    copy_text(e->unit, sizeof e->unit, unit);
    e->kind = kind;
    atomic_store_explicit(&s->page->n, n + 1, memory_order_release);
    return (int)n;
}

void stats_begin(struct stats *s)
{
    if (!s)
        return;
    uint64_t sequence = atomic_load_explicit(&s->page->sequence, memory_order_relaxed);
    atomic_store_explicit(&s->page->sequence, sequence + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release); /* the sequence is odd before any value changes: pairs with the
                                                  fence in copy_page */
}

void stats_set(struct stats *s, int index, double value)
{
    uint64_t bits;
    if (!s || index < 0)
        return;
    memcpy(&bits, &value, sizeof bits);
    atomic_store_explicit(&s->page->v[index].value, bits, memory_order_relaxed);
}

void stats_end(struct stats *s)
{
    if (!s)
        return;
    uint64_t sequence = atomic_load_explicit(&s->page->sequence, memory_order_relaxed);
    atomic_store_explicit(&s->page->sequence, sequence + 1,
                          memory_order_release); /* even again after all values */
}

void stats_close(struct stats *s)
{
    if (!s)
        return;
    unlink(s->path);
    munmap(s->page, PAGE_BYTES);
    free(s);
}

/* ---- reading: nothing in the page is trusted ---- */

/* The pid that ends a page's name is that of a process, whichever. */
static bool has_process(const char *name)
{
    long pid = strtol(strrchr(name, '-') + 1, NULL, 10);
    return pid > 0 && pid <= INT32_MAX && (kill((pid_t)pid, 0) == 0 || errno == EPERM);
}

int stats_list(char (*names)[STATS_FILE], int cap)
{
    char prefix[64];
    struct dirent *e;
    int n = 0, living = 0; /* names[0..living) are those of processes that live */
    DIR *d = opendir(DIRECTORY);
    if (!d)
        return -1;
    page_prefix(prefix, sizeof prefix);
    while ((errno = 0, e = readdir(d)) && living < cap) {
        if (strncmp(e->d_name, prefix, strlen(prefix)) != 0 || strlen(e->d_name) >= STATS_FILE)
            continue;
        bool lives = has_process(e->d_name);
        if (!lives && n == cap)
            continue;
        int at = lives ? living++ : n;
        n += n < cap;
        memmove(names[at + 1], names[at], (size_t)(n - 1 - at) * STATS_FILE);
        strcpy(names[at], e->d_name);
    }
    int failed = e ? 0 : errno;
    closedir(d);
    errno = failed;
    return failed ? -1 : n;
}

static struct page *map_page(const char *name)
{
    char path[PATH_BYTES];
    struct stat st;
    page_path(path, name);
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    bool ours = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
                (st.st_mode & 07777) == 0600 && st.st_size == PAGE_BYTES && st.st_blocks >= PAGE_BYTES / 512;
    void *p = ours ? mmap(NULL, PAGE_BYTES, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    close(fd);
    return p == MAP_FAILED ? NULL : p;
}

/* Copies the page as it was at one moment. The last tries sleep a millisecond each, for a writer that lost
 * its processor while it was writing. A writer that died there, or does nothing but write, leaves the page as
 * it is. */
static void copy_page(struct page *to, const struct page *from)
{
    const struct timespec nap = {.tv_nsec = 1000 * 1000};
    for (int i = 0; i < TRIES; i++) {
        uint64_t before = atomic_load_explicit(&from->sequence, memory_order_acquire);
        memcpy(to, from, sizeof *to);
        atomic_thread_fence(memory_order_acquire);
        if (before % 2 == 0 && atomic_load_explicit(&from->sequence, memory_order_relaxed) == before)
            return;
        if (i < TRIES - NAPS)
            continue;
        if (!process_alive(to->process))
            return;
        nanosleep(&nap, NULL);
    }
}

static void clean_text(char *to, const char *from, size_t cap)
{
    size_t n = strnlen(from, cap - 1);
    for (size_t i = 0; i < n; i++)
        to[i] = from[i] >= ' ' && from[i] < 0x7f ? from[i] : '?';
    to[n] = 0;
}

static void take_entry(struct stats_snapshot *out, const struct entry *e)
{
    struct stats_value *v = &out->v[out->n];
    uint64_t bits = e->value;
    memcpy(&v->value, &bits, sizeof bits);
    if (e->kind > STATS_GAUGE || !isfinite(v->value))
        return;
    v->kind = (enum stats_kind)e->kind;
    clean_text(v->name, e->name, sizeof v->name);
    clean_text(v->unit, e->unit, sizeof v->unit);
    out->n++;
}

int stats_look(const char *name, struct stats_snapshot *out)
{
    struct page copy;
    struct page *p = map_page(name);
    if (!p)
        return -1;
    copy_page(&copy, p);
    munmap(p, PAGE_BYTES);
    uint32_t n = copy.n;
    if (copy.magic != MAGIC || copy.version != VERSION || n > STATS_MAX || process_pid(copy.process) == 0)
        return -1;
    *out =
        (struct stats_snapshot){.pid = (int)process_pid(copy.process), .alive = process_alive(copy.process)};
    clean_text(out->stage, copy.stage, sizeof out->stage);
    clean_text(out->label, copy.label, sizeof out->label);
    for (uint32_t i = 0; i < n; i++)
        take_entry(out, &copy.v[i]);
    return 0;
}

bool stats_remove_dead(const char *name)
{
    struct stats_snapshot s;
    char path[PATH_BYTES];
    if (stats_look(name, &s) != 0 || s.alive)
        return false;
    page_path(path, name);
    return unlink(path) == 0;
}
