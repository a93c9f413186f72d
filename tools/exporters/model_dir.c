#include "tools/exporters/model_dir.h"

#include "formats/safetensors.h"
#include "pipeline/lib/apart.h"
#include "pipeline/lib/commit_dir.h"
#include "pipeline/lib/dir.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 1 << 16, MAX_FILE = 1 << 30 }; /* elements converted at once; bytes of a file that is copied */

/* Files that belong to the model beside its weights and config.json. */
static const char *const copied[] = {
    "tokenizer.json",
    "tokenizer_config.json",
    "generation_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "chat_template.jinja",
    "LICENSE",
};

struct target {
    const struct model_dir *m;
    struct params layout;
    struct commit_dir place;
    size_t *shard; /* of each parameter */
    size_t n_shards;
    uint64_t bytes; /* of all tensors */
};

/* Dies unless what --overwrite would remove looks like a model directory: files alone, config.json among
 * them. */
static void check_replaced(const char *out)
{
    struct stat st;
    bool model = false;
    if (lstat(out, &st) != 0)
        return;
    if (!S_ISDIR(st.st_mode))
        die("%s: is not a directory", out);
    struct dir d = dir_read(out);
    for (size_t i = 0; i < d.n; i++) {
        char *path = path_join(out, d.names[i]);
        if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode))
            die("%s: holds more than a model's files; remove it, or write somewhere else", out);
        model |= strcmp(d.names[i], "config.json") == 0;
        free(path);
    }
    if (d.n > 0 && !model)
        die("%s: holds files, but no model; remove it, or write somewhere else", out);
    dir_free(&d);
}

static FILE *begin_file(const struct target *t, const char *name, char **path)
{
    *path = path_join(t->place.tmp, name);
    FILE *f = fopen(*path, "wx");
    if (!f)
        die_errno("%s", *path);
    return f;
}

static void end_file(FILE *f, char *path)
{
    if (fflush(f) != 0 || ferror(f) || fsync(fileno(f)) != 0 || fclose(f) != 0)
        die_errno("%s: cannot write", path);
    free(path);
}

static void write_file(const struct target *t, const char *name, const char *text, size_t len)
{
    char *path;
    FILE *f = begin_file(t, name, &path);
    fwrite(text, 1, len, f);
    end_file(f, path);
}

static void write_json(const struct target *t, const char *name, const json_t *o)
{
    char *text = json_dumps(o, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    if (!text)
        die("out of memory");
    write_file(t, name, text, strlen(text));
    free(text);
}

/* The source's own config.json, but for the element type; or one of m->c, with the source's special ids. */
static void write_config(const struct target *t, const char *dtype)
{
    static const char *const ids[] = {"bos_token_id", "eos_token_id", "pad_token_id"};
    size_t len;
    char *path = source_file(t->m->from, "config.json"), *text = read_file(path, &len, MAX_FILE);
    json_t *config = json_loadb(text, len, 0, NULL);
    if (t->m->other_config) {
        char *other = model_config_to_json(&t->m->c, dtype, UINT32_MAX, UINT32_MAX);
        json_t *o = other ? json_loads(other, 0, NULL) : NULL;
        if (!o)
            die("out of memory");
        for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
            if (json_object_get(config, ids[i]))
                json_object_set(o, ids[i], json_object_get(config, ids[i]));
        json_decref(config);
        config = o;
        free(other);
    }
    json_object_set_new(config, "torch_dtype", json_string(dtype));
    json_object_set_new(config, "dtype", json_string(dtype));
    write_json(t, "config.json", config);
    json_decref(config);
    free(text);
    free(path);
}

static void copy_files(const struct target *t)
{
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++) {
        size_t len;
        char *path = source_file(t->m->from, copied[i]);
        if (!path)
            continue;
        char *text = read_file(path, &len, MAX_FILE);
        write_file(t, copied[i], text, len);
        free(text);
        free(path);
    }
}

/* Parameters in order; one that does not fit begins the next file. */
static void plan_shards(struct target *t)
{
    uint64_t used = 0;
    t->shard = xcalloc(t->layout.count, sizeof *t->shard);
    t->n_shards = 1;
    for (size_t i = 0; i < t->layout.count; i++) {
        uint64_t bytes = t->layout.v[i].n * st_dtype_bytes(t->m->dtype);
        if (used > 0 && used + bytes > t->m->largest) {
            t->n_shards++;
            used = 0;
        }
        used += bytes;
        t->bytes += bytes;
        t->shard[i] = t->n_shards - 1;
    }
}

static char *shard_name(const struct target *t, size_t shard)
{
    return t->n_shards == 1 ? xstrdup("model.safetensors")
                            : xasprintf("model-%05zu-of-%05zu.safetensors", shard + 1, t->n_shards);
}

static void write_tensor(FILE *f, const struct target *t, const struct param *p)
{
    static float x[CHUNK];
    static uint16_t half[CHUNK];
    for (size_t at = 0; at < p->n; at += CHUNK) {
        size_t n = p->n - at < CHUNK ? p->n - at : CHUNK;
        t->m->values(t->m->arg, p, at, n, x);
        for (size_t i = 0; t->m->dtype == ST_BF16 && i < n; i++)
            half[i] = bf16_from_f32(x[i]);
        if (t->m->dtype == ST_BF16)
            fwrite(half, sizeof *half, n, f);
        else
            fwrite(x, sizeof *x, n, f);
    }
}

static void write_shard(const struct target *t, size_t shard)
{
    size_t from = 0, n = 0, len;
    while (t->shard[from] != shard)
        from++;
    while (from + n < t->layout.count && t->shard[from + n] == shard)
        n++;
    struct st_tensor *v = xcalloc(n, sizeof *v);
    for (size_t i = 0; i < n; i++) {
        const struct param *p = &t->layout.v[from + i];
        bool matrix = param_is_matrix(p);
        v[i] = (struct st_tensor){.name = p->name,
                                  .dtype = t->m->dtype,
                                  .rank = matrix ? 2 : 1,
                                  .shape = {(uint64_t)(matrix ? p->rows : p->cols), (uint64_t)p->cols}};
    }
    char *head = safetensors_header(v, n, &len), *name = shard_name(t, shard), *path;
    if (!head)
        die("out of memory");
    FILE *f = begin_file(t, name, &path);
    fwrite(head, 1, len, f);
    for (size_t i = 0; i < n && !ferror(f); i++)
        write_tensor(f, t, &t->layout.v[from + i]);
    end_file(f, path);
    free(head);
    free(name);
    free(v);
}

static void write_index(const struct target *t)
{
    json_t *map = json_object(), *o;
    for (size_t i = 0; i < t->layout.count; i++) {
        char *name = shard_name(t, t->shard[i]);
        json_object_set_new(map, t->layout.v[i].name, json_string(name));
        free(name);
    }
    o = json_pack("{s:{s:I}, s:o}", "metadata", "total_size", (json_int_t)t->bytes, "weight_map", map);
    write_json(t, "model.safetensors.index.json", o);
    json_decref(o);
}

/* A directory may be named with a slash at its end. */
static char *without_slash(const char *path)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    return xasprintf("%.*s", (int)n, path);
}

void model_dir_write(const struct model_dir *m, const char *name)
{
    char *out = without_slash(name);
    const char *dtype = m->dtype == ST_BF16 ? "bfloat16" : "float32";
    struct target t = {.m = m};
    if (params_layout(&t.layout, &m->c) != 0)
        die("out of memory");
    check_replaced(out);
    apart_input_dir(m->from->dir);
    apart_output_dir(out, true);
    plan_shards(&t);
    commit_dir_open(&t.place, out);
    write_config(&t, dtype);
    copy_files(&t);
    for (size_t i = 0; i < t.n_shards; i++)
        write_shard(&t, i);
    if (t.n_shards > 1)
        write_index(&t);
    commit_dir_finish(&t.place);
    say("%s: %s, %zu tensors in %zu file%s", out, dtype, t.layout.count, t.n_shards,
        t.n_shards == 1 ? "" : "s");
    free(t.shard);
    params_free(&t.layout);
    free(out);
}
