#include "pipeline/lib/commit_dir.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void remove_unfinished(void *arg)
{
    struct commit_dir *c = arg;
    remove_tree(c->tmp);
}

void commit_dir_open(struct commit_dir *c, const char *path)
{
    const char *slash = strrchr(path, '/');
    c->path = xstrdup(path);
    c->parent = slash ? xasprintf("%.*s", slash == path ? 1 : (int)(slash - path), path) : xstrdup(".");
    char *name = xasprintf(".tmp-%s-%d", slash ? slash + 1 : path, (int)getpid());
    c->tmp = path_join(c->parent, name);
    free(name);
    remove_tree(c->tmp);
    at_failure(remove_unfinished, c);
    make_dirs(c->tmp);
}

/* When path exists, the two directories are exchanged in one step. */
static void take_name(struct commit_dir *c)
{
    if (rename(c->tmp, c->path) == 0)
        return;
    if (errno != EEXIST && errno != ENOTEMPTY)
        die_errno("%s: cannot rename to %s", c->tmp, c->path);
    if (renameat2(AT_FDCWD, c->tmp, AT_FDCWD, c->path, RENAME_EXCHANGE) != 0)
        die_errno("%s: cannot replace %s", c->tmp, c->path);
}

void commit_dir_finish(struct commit_dir *c)
{
    fsync_dir(c->tmp);
    take_name(c);
    at_failure_cancel(c);
    say_in_place(c->path);
    fsync_dir(c->parent);
    remove_tree(c->tmp); /* after the exchange, this is the old directory */
    say_in_place(NULL);
    free(c->path);
    free(c->tmp);
    free(c->parent);
}
