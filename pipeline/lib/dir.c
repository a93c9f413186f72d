#include "pipeline/lib/dir.h"
#include "pipeline/lib/log.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int is_entry(const struct dirent *e)
{
    return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* scandir tells an error of readdir from the end of the directory: it returns -1. */
static int read_names(struct dir *d, const char *path)
{
    struct dirent **entries;
    int n = scandir(path, &entries, is_entry, by_name);
    if (n < 0)
        return -1;
    *d = (struct dir){.names = (char **)entries, .n = (size_t)n};
    for (int i = 0; i < n; i++) { /* each entry becomes its name, in its own memory */
        char *name = (char *)entries[i];
        memmove(name, entries[i]->d_name, strlen(entries[i]->d_name) + 1);
        d->names[i] = name;
    }
    return 0;
}

struct dir dir_read(const char *path)
{
    struct dir d = {0};
    if (read_names(&d, path) != 0)
        die_errno("%s: cannot read directory", path);
    return d;
}

struct dir dir_read_if_there(const char *path)
{
    struct dir d = {0};
    if (read_names(&d, path) != 0 && errno != ENOENT)
        die_errno("%s: cannot read directory", path);
    return d;
}

void dir_free(struct dir *d)
{
    for (size_t i = 0; i < d->n; i++)
        free(d->names[i]);
    free(d->names);
    *d = (struct dir){0};
}
