#include "pipeline/model/tensor_files.h"

#include "formats/reason.h"
#include "pipeline/lib/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_JSON = 64 << 20 };

struct shard {
    const char *name; /* in map; NULL: the only file */
    struct safetensors *s;
};

struct tensor_files {
    char *path;
    json_t *index, *map; /* tensor to name of its file; NULL: a single file */
    struct shard *v;
    size_t n, count;
};

char *model_read_text(const char *path, size_t *len, bool *missing, char *err, size_t cap)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char *text = NULL;
    *missing = fd < 0 && errno == ENOENT;
    if (fd < 0 || fstat(fd, &st) != 0) {
        reason(err, cap, "%s: %s", path, strerror(errno));
    } else if (!S_ISREG(st.st_mode) || st.st_size > MAX_JSON) {
        reason(err, cap, "%s: not a regular file of at most %d bytes", path, MAX_JSON);
    } else if ((text = malloc((size_t)st.st_size + 1))) {
        ssize_t n = st.st_size ? read(fd, text, (size_t)st.st_size) : 0;
        if (n == st.st_size) {
            text[n] = 0;
            *len = (size_t)n;
        } else {
            reason(err, cap, "%s: cannot read all of it", path);
            free(text);
            text = NULL;
        }
    } else {
        reason(err, cap, "%s: out of memory", path);
    }
    if (fd >= 0)
        close(fd);
    return text;
}

static const struct shard *shard_named(const struct tensor_files *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->v[i].name, name) == 0)
            return &t->v[i];
    return NULL;
}

static int open_shard(struct tensor_files *t, const char *dir, const char *name, char *err, size_t cap)
{
    struct shard *v = realloc(t->v, (t->n + 1) * sizeof *v);
    if (!v)
        return reason(err, cap, "%s: out of memory", t->path);
    t->v = v;
    char *path = path_join(dir, name);
    v[t->n] = (struct shard){name, safetensors_open(path, err, cap)};
    free(path);
    if (!v[t->n].s)
        return -1;
    t->count += safetensors_count(v[t->n++].s);
    return 0;
}

/* Opens every file that the index names, and checks that each tensor is where it says. */
static int open_shards(struct tensor_files *t, const char *dir, char *err, size_t cap)
{
    const char *tensor;
    json_t *value;
    json_object_foreach(t->map, tensor, value)
    {
        const char *name = json_string_value(value);
        if (!name || !*name || strchr(name, '/') || name[0] == '.')
            return reason(err, cap, "%s: weight_map: '%.200s' is not in a file of this directory", t->path,
                          tensor);
        const struct shard *shard = shard_named(t, name);
        if (!shard && open_shard(t, dir, name, err, cap) != 0)
            return -1;
        shard = shard_named(t, name);
        if (!safetensors_find(shard->s, tensor))
            return reason(err, cap, "%s: weight_map: '%.200s' is not in %.200s", t->path, tensor, name);
    }
    if (t->count != json_object_size(t->map))
        return reason(err, cap, "%s: weight_map: lists %zu tensors, the files hold %zu", t->path,
                      json_object_size(t->map), t->count);
    return 0;
}

static int read_index(struct tensor_files *t, char *err, size_t cap)
{
    json_error_t where;
    bool missing;
    size_t len;
    char *text = model_read_text(t->path, &len, &missing, err, cap);
    if (!text)
        return -1;
    t->index = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
    free(text);
    if (!t->index)
        return reason(err, cap, "%s: offset %d: %s", t->path, where.position, where.text);
    t->map = json_object_get(t->index, "weight_map");
    if (!json_is_object(t->map) || json_object_size(t->map) == 0)
        return reason(err, cap, "%s: weight_map: not an object with tensors", t->path);
    return 0;
}

struct tensor_files *tensor_files_open(const char *dir, const char *name, char *err, size_t cap)
{
    struct tensor_files *t = calloc(1, sizeof *t);
    if (!t) {
        reason(err, cap, "%s/%s: out of memory", dir, name);
        return NULL;
    }
    char *single = path_join(dir, name), *index = xasprintf("%s.index.json", single);
    bool split = !path_exists(single) && path_exists(index);
    t->path = split ? index : single;
    free(split ? single : index);
    int rc = split ? read_index(t, err, cap) : open_shard(t, dir, name, err, cap);
    if (rc == 0 && split)
        rc = open_shards(t, dir, err, cap);
    if (rc == 0)
        return t;
    tensor_files_close(t);
    return NULL;
}

void tensor_files_close(struct tensor_files *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n; i++)
        safetensors_close(t->v[i].s);
    free(t->v);
    json_decref(t->index);
    free(t->path);
    free(t);
}

const char *tensor_files_path(const struct tensor_files *t)
{
    return t->path;
}

size_t tensor_files_count(const struct tensor_files *t)
{
    return t->count;
}

const char *tensor_files_name(const struct tensor_files *t, size_t i)
{
    const struct shard *s = t->v;
    for (; i >= safetensors_count(s->s); s++)
        i -= safetensors_count(s->s);
    return safetensors_at(s->s, i)->name;
}

const struct st_tensor *tensor_files_find(const struct tensor_files *t, const char *name,
                                          const struct safetensors **file)
{
    const char *in = t->map ? json_string_value(json_object_get(t->map, name)) : NULL;
    if (t->map && !in)
        return NULL;
    *file = (in ? shard_named(t, in) : t->v)->s;
    return safetensors_find(*file, name);
}
