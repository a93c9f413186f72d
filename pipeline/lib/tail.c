#include "pipeline/lib/tail.h"

#include "pipeline/lib/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ = 1 << 18 };

int tail_open(struct tail *t, const char *path)
{
    *t = (struct tail){.limit = UINT64_MAX};
    t->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe of that name must not hold us */
    if (t->fd < 0 && errno != ENOENT)
        t->error = errno;
    return t->fd < 0 ? -1 : 0;
}

void tail_close(struct tail *t)
{
    if (t->fd >= 0)
        close(t->fd);
    free(t->line);
    *t = (struct tail){.fd = -1};
}

static void keep(struct tail *t, const char *s, size_t n)
{
    if (t->skipping)
        return;
    if (t->len + n > TAIL_LINE) {
        t->len = 0;
        t->skipping = true;
        t->too_long++;
        return;
    }
    if (t->len + n > t->cap) {
        t->cap = 2 * (t->len + n);
        t->line = xrealloc(t->line, t->cap);
    }
    if (n > 0)
        memcpy(t->line + t->len, s, n);
    t->len += n;
}

static void take_bytes(struct tail *t, const char *s, size_t n, bool newest, tail_take *take, void *arg)
{
    const char *end = s + n;
    for (const char *nl; (nl = memchr(s, '\n', (size_t)(end - s))) != NULL; s = nl + 1) {
        bool last = newest && !memchr(nl + 1, '\n', (size_t)(end - nl - 1));
        if (t->len == 0 && !t->skipping) {
            take(arg, s, (size_t)(nl - s), last);
            continue;
        }
        keep(t, s, (size_t)(nl - s));
        if (!t->skipping)
            take(arg, t->line, t->len, last);
        t->len = 0;
        t->skipping = false;
    }
    keep(t, s, (size_t)(end - s));
}

void tail_poll(struct tail *t, tail_take *take, void (*begin)(void *arg), void *arg)
{
    struct stat st;
    if (t->fd < 0)
        return;
    t->error = fstat(t->fd, &st) != 0 ? errno : 0;
    if (t->error)
        return;
    uint64_t size = (uint64_t)st.st_size < t->limit ? (uint64_t)st.st_size : t->limit;
    if (size < t->offset) {
        t->offset = t->len = 0;
        t->skipping = false;
        begin(arg);
    }
    if (size == t->offset)
        return;
    char *buf = xmalloc(READ);
    while (t->offset < size) {
        size_t want = size - t->offset < READ ? (size_t)(size - t->offset) : READ;
        ssize_t n = pread(t->fd, buf, want, (off_t)t->offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            t->error = errno;
        if (n <= 0)
            break;
        t->offset += (uint64_t)n;
        take_bytes(t, buf, (size_t)n, t->offset >= size, take, arg);
    }
    free(buf);
}
