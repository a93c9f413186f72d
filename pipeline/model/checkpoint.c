/*
 * checkpoint.c - finding, verifying and loading a model directory
 */
#include "pipeline/model/checkpoint.h"

#include "formats/reason.h"
#include "pipeline/lib/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { CHUNK = 1 << 18 }; /* floats read at a time; bytes hashed at a time */

static bool has_config(const char *dir)
{
    char *path = path_join(dir, "config.json");
    char *model = path_join(dir, "model.safetensors"),
         *index = path_join(dir, "model.safetensors.index.json");
    bool yes = path_exists(path) &&
               (path_exists(model) || path_exists(index)); /* a run's directory has a config.json as well */
    free(path);
    free(model);
    free(index);
    return yes;
}

char *checkpoint_resolve(const char *path, char *err, size_t cap)
{
    if (has_config(path))
        return xstrdup(path);
    char *latest = path_join(path, "latest");
    if (has_config(latest))
        return latest;
    free(latest);
    if (!path_exists(path))
        reason(err, cap, "%s: %s", path, strerror(errno));
    else
        reason(err, cap,
               "%s: neither a model directory (config.json, model.safetensors) nor a run with a checkpoint "
               "('latest')",
               path);
    return NULL;
}

int checkpoint_config(const char *dir, struct model_config *c, char *err, size_t cap)
{
    char *path = path_join(dir, "config.json");
    bool missing;
    size_t len;
    char *text = model_read_text(path, &len, &missing, err, cap);
    int rc = text ? model_config_from_json(text, len, path, c, err, cap) : -1;
    free(text);
    free(path);
    return rc;
}

/* state.json contains its own hash, computed with the digits of the hash replaced by zeros. */
static int check_own_hash(const char *path, char *text, size_t len, char *err, size_t cap)
{
    static const char key[] = "\"xxh3_of_this\": \"";
    char *digits = NULL, want[17] = "", zeros[] = "0000000000000000", got[17];
    for (char *p = text; (p = strstr(p, key)); p++)
        digits = p + sizeof key - 1;
    if (!digits || (size_t)(text + len - digits) < 16)
        return reason(err, cap, "%s: has no checksum of itself: damaged or cut", path);
    memcpy(want, digits, 16);
    memcpy(digits, zeros, 16);
    snprintf(got, sizeof got, "%016llx", (unsigned long long)XXH3_64bits(text, len));
    if (memcmp(want, got, 16) != 0)
        return reason(err, cap, "%s: checksum is %s, recorded %s: damaged", path, got, want);
    return 0;
}

int checkpoint_state(const char *dir, json_t **state, char *err, size_t cap)
{
    char *path = path_join(dir, "trainer/state.json");
    json_error_t where;
    bool missing;
    size_t len;
    int rc = -1;
    *state = NULL;
    char *text = model_read_text(path, &len, &missing, err, cap);
    if (!text)
        rc = missing ? 1 : -1;
    else if (check_own_hash(path, text, len, err, cap) != 0)
        rc = -1;
    else if (!(*state = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where)))
        reason(err, cap, "%s: offset %d: %s", path, where.position, where.text);
    else
        rc = 0;
    free(text);
    free(path);
    return rc;
}

/* Hashes up to `most` bytes from an offset on. Returns -1 when the file cannot be read so far. */
static int hash_file(const char *path, uint64_t from, uint64_t most, uint64_t *bytes, uint64_t *hash)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    XXH3_state_t *x = XXH3_createState();
    char *buf = malloc(CHUNK);
    ssize_t n = -1;
    *bytes = 0;
    if (fd >= 0 && x && buf) {
        XXH3_64bits_reset(x);
        do {
            uint64_t left = most - *bytes;
            n = pread(fd, buf, left < CHUNK ? (size_t)left : CHUNK, (off_t)(from + *bytes));
            if (n > 0) {
                XXH3_64bits_update(x, buf, (size_t)n);
                *bytes += (uint64_t)n;
            }
        } while (n > 0 || (n < 0 && errno == EINTR));
        *hash = XXH3_64bits_digest(x);
    }
    int saved = errno;
    if (fd >= 0)
        close(fd);
    free(buf);
    XXH3_freeState(x);
    errno = saved;
    return n == 0 ? 0 : -1;
}

/* A file, or what is in memory of it. */
struct content {
    char *path;
    const char *text; /* NULL: it is read */
    uint64_t bytes;
};

static int verify_piece(const struct content *f, uint64_t from, uint64_t want_bytes, const char *want,
                        char *err, size_t cap)
{
    char got[17];
    uint64_t bytes = want_bytes, hash = 0;
    if (f->text)
        hash = XXH3_64bits(f->text + from, want_bytes);
    else if (hash_file(f->path, from, want_bytes, &bytes, &hash) != 0)
        return reason(err, cap, "%s: %s", f->path, strerror(errno));
    snprintf(got, sizeof got, "%016llx", (unsigned long long)hash);
    if (bytes == want_bytes && strcmp(got, want) == 0)
        return 0;
    return reason(err, cap, "%s: checksum of the %llu bytes from %llu on is %s, recorded %s: damaged",
                  f->path, (unsigned long long)want_bytes, (unsigned long long)from, got, want);
}

/* pieces: [offset, bytes, hash] each, in order; together they are the whole file. */
static int verify_pieces(const struct content *f, const json_t *pieces, uint64_t all, char *err, size_t cap)
{
    uint64_t at = 0;
    for (size_t i = 0; i < json_array_size(pieces); i++) {
        const json_t *piece = json_array_get(pieces, i);
        const char *want = json_string_value(json_array_get(piece, 2));
        uint64_t from = (uint64_t)json_integer_value(json_array_get(piece, 0)),
                 bytes = (uint64_t)json_integer_value(json_array_get(piece, 1));
        if (!want || from != at || bytes == 0 || bytes > all - at)
            return reason(err, cap, "%s: trainer/state.json lists pieces of it that do not follow each other",
                          f->path);
        if (verify_piece(f, from, bytes, want, err, cap) != 0)
            return -1;
        at += bytes;
    }
    return at == all ? 0
                     : reason(err, cap, "%s: trainer/state.json lists no piece from %llu on", f->path,
                              (unsigned long long)at);
}

static int verify_content(struct content *f, const json_t *entry, char *err, size_t cap)
{
    struct stat st;
    const json_t *pieces = json_object_get(entry, "pieces");
    const char *want = json_string_value(json_object_get(entry, "xxh3"));
    uint64_t want_bytes = (uint64_t)json_integer_value(json_object_get(entry, "bytes"));
    if (!want && !json_is_array(pieces))
        return reason(err, cap, "%s: trainer/state.json lists it without a checksum", f->path);
    if (!f->text && stat(f->path, &st) != 0)
        return reason(err, cap, "%s: %s", f->path, strerror(errno));
    if (!f->text)
        f->bytes = (uint64_t)st.st_size;
    if (f->bytes != want_bytes)
        return reason(err, cap, "%s: offset %llu: file ends, %llu bytes were written: %s", f->path,
                      (unsigned long long)f->bytes, (unsigned long long)want_bytes,
                      f->bytes < want_bytes ? "truncated" : "grown");
    return want ? verify_piece(f, 0, want_bytes, want, err, cap)
                : verify_pieces(f, pieces, want_bytes, err, cap);
}

/* text: the file's content; NULL: it is read. */
static int verify_text(const char *dir, const char *name, const json_t *entry, const void *text,
                       uint64_t bytes, char *err, size_t cap)
{
    struct content f = {path_join(dir, name), text, bytes};
    int rc = verify_content(&f, entry, err, cap);
    free(f.path);
    return rc;
}

static int verify_file(const char *dir, const char *name, const json_t *entry, char *err, size_t cap)
{
    return verify_text(dir, name, entry, NULL, 0, err, cap);
}

int checkpoint_verify(const char *dir, const json_t *state, char *err, size_t cap)
{
    json_t *files = json_object_get(state, "files"), *entry;
    const char *name;
    if (!json_is_object(files) || json_object_size(files) == 0)
        return reason(err, cap, "%s/trainer/state.json: lists no files", dir);
    json_object_foreach(files, name, entry) if (verify_file(dir, name, entry, err, cap) != 0) return -1;
    return 0;
}

static int read_param(const struct tensor_files *files, const char *prefix, const struct param *p,
                      const struct weights *w, struct weight_array array, float *buf, char *err, size_t cap)
{
    char name[128];
    const char *path = tensor_files_path(files);
    const struct safetensors *s;
    snprintf(name, sizeof name, "%s%s", prefix, p->name);
    const struct st_tensor *t = tensor_files_find(files, name, &s);
    if (!t)
        return reason(err, cap, "%s: tensor '%s' is missing", path, name);
    bool gain = !param_is_matrix(p);
    if (t->rank != (gain ? 1 : 2) || t->shape[gain ? 0 : 1] != (uint64_t)p->cols ||
        (!gain && t->shape[0] != (uint64_t)p->rows))
        return reason(err, cap, "%s: tensor '%s': shape (%llu%s%llu) of rank %d, config.json wants (%d, %d)",
                      path, name, (unsigned long long)(t->rank ? t->shape[0] : 1), t->rank > 1 ? ", " : " x ",
                      (unsigned long long)(t->rank > 1 ? t->shape[1] : 1), t->rank, p->rows, p->cols);
    for (size_t i = 0; i < p->n; i += CHUNK) {
        size_t n = p->n - i < CHUNK ? p->n - i : CHUNK;
        if (safetensors_read_f32(s, t, i, n, buf, err, cap) != 0)
            return -1;
        weight_array_put(w, array, p, i, n, buf);
    }
    return 0;
}

int checkpoint_refuse_strangers(const struct tensor_files *files, const struct params *layout, bool tied,
                                char *err, size_t cap)
{
    for (size_t i = 0; i < tensor_files_count(files); i++) {
        const char *name = tensor_files_name(files, i);
        if ((tied && strcmp(name, "lm_head.weight") == 0) || strstr(name, "rotary_emb.inv_freq"))
            continue;
        bool known = false;
        for (size_t k = 0; k < layout->count && !known; k++)
            known = strcmp(layout->v[k].name, name) == 0;
        if (!known)
            return reason(err, cap, "%s: tensor '%.200s' is not part of the model of config.json",
                          tensor_files_path(files), name);
    }
    return 0;
}

int checkpoint_read_array(const char *dir, const char *name, const char *prefix, bool only,
                          const struct weights *w, struct weight_array array, char *err, size_t cap)
{
    float *buf = malloc(CHUNK * sizeof *buf);
    struct tensor_files *files = tensor_files_open(dir, name, err, cap);
    int rc = files && buf ? 0 : -1;
    if (files && !buf)
        reason(err, cap, "%s/%s: out of memory", dir, name);
    for (size_t i = 0; rc == 0 && i < w->layout.count; i++)
        rc = read_param(files, prefix, &w->layout.v[i], w, array, buf, err, cap);
    if (rc == 0 && only)
        rc = checkpoint_refuse_strangers(files, &w->layout, w->c.tied, err, cap);
    tensor_files_close(files);
    free(buf);
    return rc;
}

int checkpoint_verify_mapped(const char *dir, const void *weights, size_t bytes, char *err, size_t cap)
{
    static const char *const names[] = {"config.json", "model.safetensors", "tokenizer.json"};
    json_t *state;
    int rc = checkpoint_state(dir, &state, err, cap);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    json_t *files = json_object_get(state, "files");
    for (size_t i = 0; rc == 0 && i < 3; i++) {
        const json_t *entry = json_object_get(files, names[i]);
        if (entry)
            rc = verify_text(dir, names[i], entry, i == 1 ? weights : NULL, bytes, err, cap);
    }
    json_decref(state);
    return rc;
}

int checkpoint_verify_model(const char *dir, char *err, size_t cap)
{
    return checkpoint_verify_mapped(dir, NULL, 0, err, cap);
}
