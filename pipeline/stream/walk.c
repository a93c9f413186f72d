#include "pipeline/stream/walk.h"

#include "pipeline/lib/apart.h"
#include "pipeline/lib/dir.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <fnmatch.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_LEVELS = 1024 };

struct level {       /* one open directory */
    size_t path_len; /* length of the directory's path within w->path */
    struct dir dir;
    size_t next;
};

struct walk {
    const struct str_list *globs;
    struct level *levels;
    size_t n_levels;
    size_t root_len;
    struct strbuf path;
    uint64_t links;
};

/* Reads the names of the directory at w->path as a new level. */
static void enter(struct walk *w)
{
    if (w->n_levels == MAX_LEVELS)
        die("%s: directories nested deeper than %d", w->path.s, MAX_LEVELS);
    w->levels = xrealloc(w->levels, (w->n_levels + 1) * sizeof *w->levels);
    w->levels[w->n_levels++] = (struct level){.path_len = w->path.len, .dir = dir_read(w->path.s)};
}

static void leave(struct walk *w)
{
    dir_free(&w->levels[--w->n_levels].dir);
}

static void set_path(struct walk *w, size_t keep, const char *name)
{
    w->path.len = keep;
    if (keep > 0 && w->path.s[keep - 1] != '/')
        strbuf_add(&w->path, "/", 1);
    strbuf_add(&w->path, name, strlen(name));
}

bool walk_matches(const struct str_list *globs, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    for (size_t i = 0; i < globs->n; i++)
        if (fnmatch(globs->v[i], strchr(globs->v[i], '/') ? path : name, 0) == 0)
            return true;
    return globs->n == 0;
}

/* Whether the globs choose the file at w->path. */
static bool is_wanted(const struct walk *w)
{
    const char *below = w->path.s + w->root_len;
    return walk_matches(w->globs, below + strspn(below, "/"));
}

struct walk *walk_open(const char *dir, const struct str_list *globs)
{
    struct walk *w = xcalloc(1, sizeof *w);
    w->globs = globs;
    strbuf_add(&w->path, dir, strlen(dir));
    w->root_len = w->path.len;
    enter(w);
    return w;
}

const char *walk_next(struct walk *w)
{
    while (w->n_levels > 0) {
        struct level *top = &w->levels[w->n_levels - 1];
        if (top->next == top->dir.n) {
            leave(w);
            continue;
        }
        const char *name = top->dir.names[top->next++];
        struct stat st;
        if (name[0] == '.')
            continue;
        set_path(w, top->path_len, name);
        if (lstat(w->path.s, &st) != 0)
            die_errno("%s", w->path.s);
        if (S_ISDIR(st.st_mode))
            enter(w);
        else if (S_ISREG(st.st_mode) && apart_is_output(&st))
            detail("%s: is the output, and left out", w->path.s);
        else if (S_ISREG(st.st_mode) && is_wanted(w))
            return w->path.s;
        else if (S_ISLNK(st.st_mode) && is_wanted(w))
            w->links++;
    }
    return NULL;
}

uint64_t walk_links(const struct walk *w)
{
    return w->links;
}

void walk_close(struct walk *w)
{
    if (!w)
        return;
    while (w->n_levels > 0)
        leave(w);
    free(w->levels);
    strbuf_free(&w->path);
    free(w);
}
