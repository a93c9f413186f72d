#include "pipeline/lib/commit_dir.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static void remove_unfinished(void *arg)
{
    struct commit_dir *c = arg;
    remove_tree(c->tmp);
}

/* The lock of a directory, which lasts until the descriptor is closed; -1: another program has it, or the
 * directory has been renamed or removed meanwhile. Where directories cannot be locked (NFS) there is no lock.
 */
static int lock(const char *path, bool *busy)
{
    struct stat here, there;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT)
        die_errno("%s", path);
    if (fd < 0)
        return -1;
    *busy = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (!*busy && fstat(fd, &here) == 0 && lstat(path, &there) == 0 && here.st_ino == there.st_ino &&
        here.st_dev == there.st_dev)
        return fd;
    close(fd);
    return -1;
}

void commit_dir_open(struct commit_dir *c, const char *path)
{
    const char *slash = strrchr(path, '/');
    struct stat st;
    bool busy = false;
    c->path = xstrdup(path);
    c->parent = slash ? xasprintf("%.*s", slash == path ? 1 : (int)(slash - path), path) : xstrdup(".");
    const char *name = slash ? slash + 1 : path;
    c->tmp = xasprintf("%s/.%s.tritter-partial", c->parent, name);
    c->old = xasprintf("%s/.%s.tritter-old", c->parent, name);
    make_dirs(c->parent);
    do {
        if (mkdir(c->tmp, 0755) != 0 && errno != EEXIST)
            die_errno("%s: cannot make directory", c->tmp);
        c->lock = lock(c->tmp, &busy);
        if (busy)
            die("%s: another program is writing it", path);
    } while (c->lock < 0);
    if (fstat(c->lock, &st) != 0 || st.st_uid != geteuid())
        die("%s: is in the way, and not ours", c->tmp);
    at_failure(remove_unfinished, c);
    empty_dir(c->tmp); /* what a killed program left */
    if (!path_exists(path) && is_dir(c->old) && rename(c->old, path) != 0)
        die_errno("%s: cannot rename to %s", c->old, path);
}

/* For file systems that cannot exchange names: for a moment there is no directory, which commit_dir_open
 * repairs after a crash. */
static void rename_aside(const struct commit_dir *c)
{
    remove_tree(c->old);
    if (rename(c->path, c->old) != 0 || rename(c->tmp, c->path) != 0)
        die_errno("%s: cannot rename to %s", c->tmp, c->path);
}

/* When path exists, the two directories are exchanged in one step. Returns the name that the old one has
 * then; NULL: there was none. */
static const char *take_name(const struct commit_dir *c)
{
    if (rename(c->tmp, c->path) == 0)
        return NULL;
    if (errno != EEXIST && errno != ENOTEMPTY)
        die_errno("%s: cannot rename to %s", c->tmp, c->path);
    if (renameat2(AT_FDCWD, c->tmp, AT_FDCWD, c->path, RENAME_EXCHANGE) == 0)
        return c->tmp;
    if (errno != EINVAL && errno != ENOSYS)
        die_errno("%s: cannot replace %s", c->tmp, c->path);
    rename_aside(c);
    return c->old;
}

/* Removes the old directory, unless another program has taken it over already. */
static void remove_old(const char *old)
{
    bool busy = false;
    int fd = lock(old, &busy);
    if (fd < 0)
        return;
    remove_tree(old);
    close(fd);
}

static void forget(struct commit_dir *c)
{
    at_failure_cancel(c);
    close(c->lock);
    free(c->path);
    free(c->tmp);
    free(c->parent);
    free(c->old);
}

void commit_dir_finish(struct commit_dir *c)
{
    fsync_dir(c->tmp);
    const char *old = take_name(c);
    at_failure_cancel(c);
    say_in_place(c->path);
    fsync_dir(c->parent);
    if (old)
        remove_old(old);
    say_in_place(NULL);
    forget(c);
}

void commit_dir_abort(struct commit_dir *c)
{
    remove_tree(c->tmp);
    forget(c);
}
