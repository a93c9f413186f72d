#include "tools/exporters/source.h"

#include "pipeline/lib/apart.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <stdlib.h>

static void check_shapes(const struct source *s)
{
    const struct safetensors *file;
    for (size_t i = 0; i < s->layout.count; i++) {
        const struct param *p = &s->layout.v[i];
        const struct st_tensor *t = tensor_files_find(s->files, p->name, &file);
        if (!t || t->n != p->n)
            die("%s: tensor '%s' is missing or of another size than config.json says",
                tensor_files_path(s->files), p->name);
    }
}

void source_open(struct source *s, const char *dir)
{
    char err[1024];
    *s = (struct source){.dir = dir};
    if (checkpoint_verify_model(dir, err, sizeof err) != 0 ||
        checkpoint_config(dir, &s->c, err, sizeof err) != 0)
        die("%s", err);
    if (params_layout(&s->layout, &s->c) != 0)
        die("out of memory");
    s->files = tensor_files_open(dir, "model.safetensors", err, sizeof err);
    if (!s->files)
        die("%s", err);
    apart_input(tensor_files_path(s->files));
    check_shapes(s);
    if (checkpoint_refuse_strangers(s->files, &s->layout, s->c.tied, err, sizeof err) != 0)
        die("%s", err);
}

void source_close(struct source *s)
{
    tensor_files_close(s->files);
    params_free(&s->layout);
}

void source_read(const struct source *s, const char *name, uint64_t from, size_t n, float *out)
{
    if (stop_signal)
        exit(signal_exit_code()); /* removes what is begun */
    char err[1024];
    const struct safetensors *file;
    const struct st_tensor *t = tensor_files_find(s->files, name, &file);
    if (safetensors_read_f32(file, t, from, n, out, err, sizeof err) != 0)
        die("%s", err);
}

char *source_file(const struct source *s, const char *name)
{
    char *path = path_join(s->dir, name);
    if (path_exists(path)) {
        apart_input(path);
        return path;
    }
    free(path);
    return NULL;
}
