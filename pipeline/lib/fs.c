#include "pipeline/lib/apart.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/dir.h"
#include "pipeline/lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static void remove_temporary(void *arg)
{
    struct commit *c = arg;
    if (c->tmp)
        unlink(c->tmp);
}

static char *parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return xstrdup(".");
    return slash == path ? xstrdup("/") : xasprintf("%.*s", (int)(slash - path), path);
}

char *partial_name(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    return xasprintf("%.*s.%s.tritter-partial", (int)(name - path), path, name);
}

/* Another run may rename the file between open and lock: then this tries again. */
int partial_open(const char *name)
{
    for (;;) {
        struct stat here, there;
        int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0)
            return -1;
        bool busy = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
        int failed = busy ? EWOULDBLOCK : fstat(fd, &here) != 0 ? errno : 0;
        if (!failed && (!S_ISREG(here.st_mode) || here.st_uid != geteuid() || here.st_nlink > 1))
            failed = EEXIST;
        bool same =
            !failed && lstat(name, &there) == 0 && here.st_ino == there.st_ino && here.st_dev == there.st_dev;
        if (same && ftruncate(fd, 0) == 0)
            return fd;
        if (same)
            failed = errno;
        close(fd);
        errno = failed;
        if (failed)
            return -1;
    }
}

static int open_locked(const struct commit *c)
{
    int fd = partial_open(c->tmp);
    if (fd < 0 && errno == EWOULDBLOCK)
        die("%s: another program is writing it", c->path);
    if (fd < 0 && errno == EEXIST)
        die("%s: is in the way, and not ours", c->tmp);
    if (fd < 0)
        die_errno("%s: cannot write", c->path);
    return fd;
}

FILE *commit_open(struct commit *c, const char *path)
{
    if (is_dir(path))
        die("%s: is a directory", path);
    if (is_device(path)) /* a rename would replace the device by a file */
        die("%s: is a device or a pipe, not a file that can be replaced whole", path);
    apart_output(path);
    c->path = xstrdup(path);
    c->tmp = partial_name(path);
    int fd = open_locked(c);
    at_failure(remove_temporary, c);
    if (!(c->f = fdopen(fd, "w")))
        die_errno("%s", c->tmp);
    return c->f;
}

/* What remains is the file, which holds the lock until it is closed. */
static FILE *release(struct commit *c)
{
    FILE *f = c->f;
    at_failure_cancel(c);
    free(c->path);
    free(c->tmp);
    *c = (struct commit){0};
    return f;
}

/* Before the rename nothing has changed, and after it the new file is in place: the messages of failures on
 * either side say so. */
FILE *commit_publish(struct commit *c)
{
    if (fflush(c->f) != 0 || ferror(c->f) || fsync(fileno(c->f)) != 0)
        die_errno("%s: cannot write", c->path);
    if (rename(c->tmp, c->path) != 0)
        die_errno("%s: cannot rename to %s", c->tmp, c->path);
    at_failure_cancel(c);
    char *dir = parent(c->path);
    say_in_place(c->path);
    fsync_dir(dir);
    say_in_place(NULL);
    free(dir);
    return release(c);
}

void commit_finish(struct commit *c)
{
    fclose(commit_publish(c));
}

void commit_abort(struct commit *c)
{
    remove_temporary(c);
    fclose(release(c));
}

/* How much to write at once. After stop_signal, a record that was begun is still written to its end, but a
 * reader that takes nothing for a second does not hold us up. */
static size_t piece(int fd, size_t n)
{
    struct stat st;
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    if (!stop_signal || fstat(fd, &st) != 0 || S_ISREG(st.st_mode))
        return n;
    if (poll(&p, 1, 1000) == 0)
        exit(signal_exit_code());
    return n < PIPE_BUF ? n : PIPE_BUF; /* poll only guarantees this much */
}

void write_all(int fd, const void *p, size_t n, const char *name)
{
    const char *s = p;
    while (n > 0) {
        ssize_t k = write(fd, s, piece(fd, n));
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            die_errno("%s: cannot write", name);
        s += k;
        n -= (size_t)k;
    }
}

bool read_all(int fd, void *p, size_t n, const char *name)
{
    size_t got = 0;
    while (got < n) {
        ssize_t k = read(fd, (char *)p + got, n - got);
        if (k < 0 && errno == EINTR) {
            if (stop_signal)
                return false;
            continue;
        }
        if (k < 0)
            die_errno("%s: cannot read", name);
        if (k == 0 && got == 0)
            return false;
        if (k == 0)
            die("%s: ends in the middle of a record (%zu of %zu bytes)", name, got, n);
        got += (size_t)k;
    }
    return true;
}

void fsync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        die_errno("%s: cannot sync directory", dir);
    close(fd);
}

void make_dirs(const char *dir)
{
    char *path = xstrdup(dir);
    for (char *p = path + 1;; p++) {
        if (*p && *p != '/')
            continue;
        char c = *p;
        *p = 0;
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            die_errno("%s: cannot make directory", path);
        *p = c;
        if (!c)
            break;
    }
    if (!is_dir(path))
        die("%s: exists and is not a directory", path);
    free(path);
}

/* Returns false when nothing exists at path. Dies when that cannot be determined, so that an error is never
 * taken for "nothing". */
static bool look(const char *path, struct stat *st)
{
    if (stat(path, st) == 0)
        return true;
    if (errno != ENOENT && errno != ENOTDIR)
        die_errno("%s", path);
    return false;
}

bool path_exists(const char *path)
{
    struct stat st;
    return look(path, &st);
}

bool is_dir(const char *path)
{
    struct stat st;
    return look(path, &st) && S_ISDIR(st.st_mode);
}

bool is_device(const char *path)
{
    struct stat st;
    return look(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

char *path_join(const char *a, const char *b)
{
    size_t n = strlen(a);
    return xasprintf("%s%s%s", a, n && a[n - 1] == '/' ? "" : "/", b);
}

bool name_ends(const char *name, size_t len, const char *end)
{
    size_t n = strlen(end);
    return len > n && strncasecmp(name + len - n, end, n) == 0;
}

char *read_file(const char *path, size_t *len, size_t max_len)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe of that name must not hold us */
    if (fd < 0 || fstat(fd, &st) != 0)
        die_errno("%s", path);
    if (!S_ISREG(st.st_mode))
        die("%s: not a regular file", path);
    if ((uint64_t)st.st_size > max_len)
        die("%s: %llu bytes, more than the %zu allowed", path, (unsigned long long)st.st_size, max_len);
    size_t n = (size_t)st.st_size;
    char *s = xmalloc(n + 1);
    if (n && !read_all(fd, s, n, path))
        die("%s: ended before its size", path);
    close(fd);
    s[n] = 0;
    if (len)
        *len = n;
    return s;
}

void empty_dir(const char *path)
{
    struct dir d = dir_read(path);
    for (size_t i = 0; i < d.n; i++) {
        char *child = path_join(path, d.names[i]);
        remove_tree(child);
        free(child);
    }
    dir_free(&d);
}

void remove_tree(const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            die_errno("%s", path);
        return;
    }
    if (!S_ISDIR(st.st_mode)) {
        if (unlink(path) != 0)
            die_errno("%s: cannot remove", path);
        return;
    }
    empty_dir(path);
    if (rmdir(path) != 0)
        die_errno("%s: cannot remove", path);
}
