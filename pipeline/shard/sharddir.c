#include "pipeline/shard/sharddir.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/manifest.h"
#include "pipeline/lib/dir.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

/* Returns the directory that a name stands for: a link's target, the real name of "." and "..", otherwise the
 * name itself without trailing slashes. */
static char *target_of(const char *dir)
{
    char *name = xstrdup(dir), first;
    for (size_t n = strlen(name); n > 1 && name[n - 1] == '/'; n--)
        name[n - 1] = 0;
    const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
    bool dots = strcmp(base, ".") == 0 || strcmp(base, "..") == 0, link = readlink(name, &first, 1) >= 0;
    char *real = dots || link ? realpath(name, NULL) : NULL;
    if (!real)
        return name;
    free(name);
    return real;
}

static void check_name(const char *dir, const char *target)
{
    const char *slash = strrchr(target, '/'), *name = slash ? slash + 1 : target;
    if (*name == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        die("%s: not a name for a directory of shards", dir);
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

void sharddir_open(struct commit_dir *d, const char *dir)
{
    char *target = target_of(dir);
    check_name(dir, target);
    if (path_exists(target)) {
        if (!is_dir(target))
            die("%s: exists and is not a directory", dir);
        check_ours(target, true);
    }
    commit_dir_open(d, target);
    free(target);
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
