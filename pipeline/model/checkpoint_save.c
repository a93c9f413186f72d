/*
 * checkpoint_save.c - writing a model directory: temporary name, every file synced, list of files last, one
 * rename
 */
#include "pipeline/model/checkpoint.h"

#include "pipeline/lib/commit_dir.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { CHUNK = 1 << 18 }; /* floats downloaded from the device at a time */

struct checkpoint_save {
    struct commit_dir place;
    json_t *files;
    XXH3_state_t *hash;
    float *buf;
    uint16_t *half;
    /* These belong to the file that is being written. */
    char *path;
    int fd;
    uint64_t bytes;
};

struct checkpoint_save *checkpoint_begin(const char *dir)
{
    struct checkpoint_save *s = xcalloc(1, sizeof *s);
    s->files = json_object();
    if (!(s->hash = XXH3_createState()) || !s->files)
        die("out of memory");
    s->buf = xmalloc(CHUNK * sizeof *s->buf);
    s->half = xmalloc(CHUNK * sizeof *s->half);
    commit_dir_open(&s->place, dir);
    char *trainer = path_join(s->place.tmp, "trainer");
    make_dirs(trainer);
    free(trainer);
    return s;
}

static void file_begin(struct checkpoint_save *s, const char *name)
{
    s->path = path_join(s->place.tmp, name);
    s->fd = open(s->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (s->fd < 0)
        die_errno("%s", s->path);
    s->bytes = 0;
    XXH3_64bits_reset(s->hash);
}

static void file_write(struct checkpoint_save *s, const void *p, size_t n)
{
    write_all(s->fd, p, n, s->path);
    XXH3_64bits_update(s->hash, p, n);
    s->bytes += n;
}

static void file_end(struct checkpoint_save *s, const char *name)
{
    char hex[17];
    if (fsync(s->fd) != 0 || close(s->fd) != 0)
        die_errno("%s: cannot write", s->path);
    snprintf(hex, sizeof hex, "%016llx", (unsigned long long)XXH3_64bits_digest(s->hash));
    if (json_object_set_new(s->files, name,
                            json_pack("{sIss}", "bytes", (json_int_t)s->bytes, "xxh3", hex)) != 0)
        die("out of memory");
    free(s->path);
    s->path = NULL;
}

void checkpoint_put_text(struct checkpoint_save *s, const char *name, const char *text, size_t len)
{
    file_begin(s, name);
    file_write(s, text, len);
    file_end(s, name);
}

static void put_param(struct checkpoint_save *s, const struct weights *w, struct weight_array array,
                      const struct param *p, enum st_dtype dtype)
{
    for (size_t i = 0; i < p->n; i += CHUNK) {
        size_t n = p->n - i < CHUNK ? p->n - i : CHUNK;
        weight_array_get(w, array, p, i, n, s->buf);
        if (dtype == ST_F32) {
            file_write(s, s->buf, n * sizeof *s->buf);
            continue;
        }
        for (size_t k = 0; k < n; k++)
            s->half[k] = bf16_from_f32(s->buf[k]);
        file_write(s, s->half, n * sizeof *s->half);
    }
}

void checkpoint_put_tensors(struct checkpoint_save *s, const char *name, const struct weights *w,
                            const struct checkpoint_array *arrays, size_t n_arrays, enum st_dtype dtype)
{
    size_t count = w->layout.count, len;
    struct st_tensor *v = xcalloc(n_arrays * count, sizeof *v);
    char **names = xcalloc(n_arrays * count, sizeof *names);
    for (size_t i = 0; i < n_arrays * count; i++) {
        const struct param *p = &w->layout.v[i % count];
        names[i] = xasprintf("%s%s", arrays[i / count].prefix, p->name);
        v[i] = (struct st_tensor){
            .name = names[i], .dtype = dtype, .rank = 2, .shape = {(uint64_t)p->rows, (uint64_t)p->cols}};
        if (!param_is_matrix(p)) {
            v[i].rank = 1;
            v[i].shape[0] = (uint64_t)p->cols;
        }
    }
    char *header = safetensors_header(v, n_arrays * count, &len);
    if (!header)
        die("%s/%s: out of memory", s->place.path, name);
    file_begin(s, name);
    file_write(s, header, len);
    for (size_t i = 0; i < n_arrays * count; i++) {
        const struct checkpoint_array *a = &arrays[i / count];
        if (i % count == 0 && a->fetch)
            a->fetch(a->arg);
        put_param(s, w, a->array, &w->layout.v[i % count], dtype);
    }
    file_end(s, name);
    for (size_t i = 0; i < n_arrays * count; i++)
        free(names[i]);
    free(names);
    free(header);
    free(v);
}

/* Returns the text of state.json, including its own hash (checkpoint.c: check_own_hash). */
static char *sealed_state(const json_t *state, size_t *len)
{
    char hex[17];
    char *body = json_dumps(state, JSON_INDENT(1));
    if (!body)
        die("out of memory");
    size_t n = strlen(body) - 2; /* the length without the closing "\n}" */
    char *text = xasprintf("%.*s,\n \"xxh3_of_this\": \"0000000000000000\"\n}\n", (int)n, body);
    free(body);
    *len = strlen(text);
    snprintf(hex, sizeof hex, "%016llx", (unsigned long long)XXH3_64bits(text, *len));
    memcpy(text + *len - 4 - 16, hex, 16);
    return text;
}

void checkpoint_commit(struct checkpoint_save *s, json_t *state)
{
    size_t len;
    if (json_object_set(state, "files", s->files) != 0)
        die("out of memory");
    char *text = sealed_state(state, &len);
    checkpoint_put_text(s, "trainer/state.json", text, len);
    free(text);
    char *trainer = path_join(s->place.tmp, "trainer");
    fsync_dir(trainer);
    free(trainer);
    commit_dir_finish(&s->place);
    json_decref(s->files);
    XXH3_freeState(s->hash);
    free(s->buf);
    free(s->half);
    free(s);
}
