#include "pipeline/fetch/files.h"

#include "pipeline/lib/fs.h"

#include <stdlib.h>
#include <string.h>

struct remote_file *file_list_add(struct file_list *l)
{
    if (l->n == l->room) {
        l->room = l->room ? 2 * l->room : 16;
        l->v = xrealloc(l->v, l->room * sizeof *l->v);
    }
    l->v[l->n] = (struct remote_file){.size = -1};
    return &l->v[l->n++];
}

static int by_path(const void *a, const void *b)
{
    const struct remote_file *x = a, *y = b;
    return strcmp(x->path, y->path);
}

void file_list_sort(struct file_list *l)
{
    if (l->n > 0)
        qsort(l->v, l->n, sizeof *l->v, by_path);
}

static void free_file(struct remote_file *f)
{
    free(f->name);
    free(f->path);
    free(f->url);
    free(f->page);
    free(f->etag);
    free(f->git_oid);
    free(f->blob);
    free(f->lock);
    free(f->link);
    free(f->link_target);
}

void file_list_keep(struct file_list *l, bool (*keep)(const struct remote_file *, const void *),
                    const void *arg)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->n; i++) {
        if (keep(&l->v[i], arg))
            l->v[kept++] = l->v[i];
        else
            free_file(&l->v[i]);
    }
    l->n = kept;
}

void file_list_free(struct file_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free_file(&l->v[i]);
    free(l->v);
    *l = (struct file_list){0};
}
