#include "pipeline/fetch/place.h"

#include "pipeline/lib/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static char *failure(const char *path)
{
    return xasprintf("%s: %s", path, strerror(errno));
}

char *place_make_parents(const char *path)
{
    char *copy = xstrdup(path), *why = NULL;
    for (char *s = copy + 1; !why && (s = strchr(s, '/')) != NULL; *s++ = '/') {
        *s = '\0';
        if (mkdir(copy, 0755) != 0 && !is_dir(copy))
            why = failure(copy);
    }
    free(copy);
    return why;
}

static char *incomplete(const struct remote_file *f)
{
    return xasprintf("%s.incomplete", f->blob);
}

/* Whether the name still means the open file: some unlink their lock files when they are done. */
static bool is_still(int fd, const char *path)
{
    struct stat a, b;
    return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

char *place_lock(const struct remote_file *f, int *fd)
{
    char *why = place_make_parents(f->lock);
    *fd = -1;
    while (!why) {
        *fd = open(f->lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0664);
        if (*fd < 0)
            return failure(f->lock);
        bool locked = flock(*fd, LOCK_EX | LOCK_NB) == 0;
        if (locked && is_still(*fd, f->lock))
            break;
        if (!locked && errno != EWOULDBLOCK && errno != EINTR)
            why = failure(f->lock);
        close(*fd);
        *fd = -1;
        if (!locked)
            break;
    }
    return why;
}

char *place_open(const struct remote_file *f, int *fd, uint64_t *size)
{
    char *why = place_make_parents(f->blob), *part = incomplete(f);
    struct stat st;
    *fd = why ? -1 : open(part, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (!why && (*fd < 0 || fstat(*fd, &st) != 0))
        why = failure(part);
    else if (!why)
        *size = (uint64_t)st.st_size;
    free(part);
    return why;
}

char *place_commit(const struct remote_file *f, int fd)
{
    char *part = incomplete(f), *why = NULL;
    if (fsync(fd) != 0 || rename(part, f->blob) != 0)
        why = failure(part);
    free(part);
    return why;
}

char *place_sync(const struct file_list *files)
{
    char *last = xstrdup(""), *why = NULL;
    for (size_t i = 0; i < files->n && !why; i++) {
        const char *blob = files->v[i].blob;
        char *dir = xasprintf("%.*s", (int)(strrchr(blob, '/') - blob), blob);
        int fd = strcmp(dir, last) == 0 ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (strcmp(dir, last) != 0 && (fd < 0 || fsync(fd) != 0))
            why = failure(dir);
        if (fd >= 0)
            close(fd);
        free(last);
        last = dir;
    }
    free(last);
    return why;
}

/* Opens, and makes where needed, the folders of a path below an open one, and no symbolic link among them. */
static int open_folders(int top, char *path)
{
    for (char *s = path; top >= 0 && (s = strchr(s, '/')) != NULL; path = s) {
        *s++ = '\0';
        mkdirat(top, path, 0755);
        int next = openat(top, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        close(top);
        top = next;
    }
    return top;
}

static bool is_link_to(int dir, const char *name, const char *target)
{
    char now[4096];
    ssize_t n = readlinkat(dir, name, now, sizeof now);
    return n == (ssize_t)strlen(target) && memcmp(now, target, (size_t)n) == 0;
}

/* A link under a name of its own takes the place of what is there. */
static bool make_link(int dir, const char *name, const char *target)
{
    char tmp[64];
    if (is_link_to(dir, name, target))
        return true;
    snprintf(tmp, sizeof tmp, ".link-%d", (int)getpid());
    unlinkat(dir, tmp, 0);
    bool ok = symlinkat(target, dir, tmp) == 0 && renameat(dir, tmp, dir, name) == 0;
    if (!ok)
        unlinkat(dir, tmp, 0);
    return ok;
}

char *place_link(const struct remote_file *f)
{
    if (!f->link)
        return NULL;
    char *why = NULL, *snapshot = xasprintf("%.*s", (int)(strlen(f->link) - strlen(f->path)), f->link);
    char *path = xstrdup(f->path);
    if ((why = place_make_parents(snapshot)) == NULL) {
        int dir = open_folders(open(snapshot, O_RDONLY | O_DIRECTORY | O_CLOEXEC), path);
        const char *name = strrchr(f->path, '/') ? strrchr(f->path, '/') + 1 : f->path;
        if (dir < 0 || !make_link(dir, name, f->link_target))
            why = failure(f->link);
        if (dir >= 0)
            close(dir);
    }
    free(snapshot);
    free(path);
    return why;
}
