#include "pipeline/shard/sharddir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/manifest.h"
#include "pipeline/lib/dir.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

static void remove_building(void *arg)
{
    struct sharddir *d = arg;
    remove_tree(d->building);
}

/* Returns the directory that path is in; *base is the last part of the path. */
static char *split(const char *path, const char **base)
{
    const char *slash = strrchr(path, '/');
    *base = slash ? slash + 1 : path;
    return slash ? xasprintf("%.*s", slash == path ? 1 : (int)(slash - path), path) : xstrdup(".");
}

static void name_all(struct sharddir *d, const char *dir)
{
    const char *base;
    d->dir = xstrdup(dir);
    for (size_t n = strlen(d->dir); n > 1 && d->dir[n - 1] == '/'; n--)
        d->dir[n - 1] = 0;
    char *real = realpath(d->dir, NULL);
    d->target = real ? real : xstrdup(d->dir);
    char *parent = split(d->target, &base);
    if (*base == 0 || strcmp(base, ".") == 0 || strcmp(base, "..") == 0)
        die("%s: not a name for a directory of shards", dir);
    make_dirs(parent);
    d->building = xasprintf("%s/.%s.tritter-partial", parent, base);
    d->old = xasprintf("%s/.%s.old", parent, base);
    free(parent);
}

static bool is_shard_name(const char *s)
{
    static const char *const suffixes[] = {".tok", ".tok.zst", ".tok.lz4", ".tok.tmp"};
    if (strspn(s, "0123456789") != 6)
        return false;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (strcmp(s + 6, suffixes[i]) == 0)
            return true;
    return false;
}

/* Checks that the directory holds only files of ours, which may be replaced. */
static void check_ours(const char *dir, bool top)
{
    struct dir d = dir_read(dir);
    for (size_t i = 0; i < d.n; i++) {
        const char *s = d.names[i];
        if (strcmp(s, "manifest.json") == 0 || is_shard_name(s))
            continue;
        char *child = path_join(dir, s);
        if (!top || strcmp(s, "val") != 0 || !is_dir(child))
            die("%s: not written by shard, so %s will not be replaced; choose another directory", child, dir);
        check_ours(child, false);
        free(child);
    }
    dir_free(&d);
}

/* Makes and locks d->building. Another run may exchange or remove it between open and lock: then this tries
 * again. */
static void lock_building(struct sharddir *d)
{
    for (;;) {
        struct stat here, there;
        if (mkdir(d->building, 0755) != 0 && errno != EEXIST)
            die_errno("%s: cannot make directory", d->building);
        d->lock = open(d->building, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (d->lock < 0 && errno == ENOENT)
            continue;
        if (d->lock < 0)
            die_errno("%s", d->building);
        if (flock(d->lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
            die("%s: another run of shard is writing it", d->dir);
        if (fstat(d->lock, &here) == 0 && lstat(d->building, &there) == 0 && here.st_ino == there.st_ino)
            return;
        close(d->lock);
    }
}

void sharddir_begin(struct sharddir *d, const char *dir)
{
    name_all(d, dir);
    lock_building(d);
    at_failure(remove_building, d);
    if (!path_exists(d->target) && is_dir(d->old) && rename(d->old, d->target) != 0)
        die_errno("%s: cannot rename to %s", d->old, d->target);
    if (path_exists(d->target)) {
        if (!is_dir(d->target))
            die("%s: exists and is not a directory", dir);
        check_ours(d->target, true);
    }
    empty_dir(d->building);
}

static void sync_parent(const char *path)
{
    const char *base;
    char *parent = split(path, &base);
    fsync_dir(parent);
    free(parent);
}

/* The point of no return: the new directory has its name. The old one is removed only when that is durable.
 */
static void in_place(struct sharddir *d)
{
    at_failure_cancel(d);
    say_in_place(d->dir);
    sync_parent(d->target);
}

/* For file systems that cannot exchange names: for a moment there is no directory, which sharddir_begin
 * repairs after a crash. */
static void rename_aside(struct sharddir *d)
{
    remove_tree(d->old);
    if (rename(d->target, d->old) != 0 || rename(d->building, d->target) != 0)
        die_errno("%s: cannot rename to %s", d->building, d->target);
    in_place(d);
    remove_tree(d->old);
}

static void forget(struct sharddir *d)
{
    at_failure_cancel(d);
    close(d->lock);
    free(d->dir);
    free(d->target);
    free(d->building);
    free(d->old);
}

void sharddir_commit(struct sharddir *d)
{
    fsync_dir(d->building);
    if (!path_exists(d->target)) {
        if (rename(d->building, d->target) != 0)
            die_errno("%s: cannot rename to %s", d->building, d->target);
        in_place(d);
    } else if (renameat2(AT_FDCWD, d->building, AT_FDCWD, d->target, RENAME_EXCHANGE) == 0) {
        in_place(d);
        remove_tree(d->building); /* this is now the old directory */
    } else if (errno == EINVAL || errno == ENOSYS) {
        rename_aside(d);
    } else {
        die_errno("%s: cannot exchange with %s", d->building, d->target);
    }
    forget(d);
}

void sharddir_abort(struct sharddir *d)
{
    remove_tree(d->building);
    forget(d);
}

void sharddir_manifest(const char *dir, const struct manifest *m)
{
    char *json = manifest_to_json(m), *path = path_join(dir, "manifest.json");
    if (!json)
        die("out of memory");
    struct commit c;
    if (fwrite(json, 1, strlen(json), commit_open(&c, path)) != strlen(json))
        die_errno("%s: cannot write", path);
    commit_finish(&c);
    free(json);
    free(path);
}
