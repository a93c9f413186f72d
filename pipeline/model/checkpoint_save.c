/*
 * checkpoint_save.c - writing a model directory: temporary name, every file synced, list of files last, one
 * rename
 *
 * Several processes write a file of tensors together: each its own ranges of the flat array, where they
 * belong in the file. A range is a piece of the file with a hash of its own, since no process sees all bytes.
 * The file is the one that a single process would have written.
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
    char *tmp;               /* the directory that is written, of this process or of the one that began */
    const struct range *own; /* borrowed; NULL: all, by this process alone */
    size_t n_own;
    bool joined; /* another process began */
    json_t *files;
    XXH3_state_t *hash;
    float *buf;
    uint16_t *half;
    /* These belong to the file that is being written. */
    char *path;
    int fd;
    uint64_t bytes;
};

static struct checkpoint_save *new_save(void)
{
    struct checkpoint_save *s = xcalloc(1, sizeof *s);
    s->files = json_object();
    if (!(s->hash = XXH3_createState()) || !s->files)
        die("out of memory");
    s->buf = xmalloc(CHUNK * sizeof *s->buf);
    s->half = xmalloc(CHUNK * sizeof *s->half);
    return s;
}

struct checkpoint_save *checkpoint_begin(const char *dir)
{
    struct checkpoint_save *s = new_save();
    commit_dir_open(&s->place, dir);
    s->tmp = xstrdup(s->place.tmp);
    char *trainer = path_join(s->tmp, "trainer");
    make_dirs(trainer);
    free(trainer);
    return s;
}

struct checkpoint_save *checkpoint_join(const char *place)
{
    struct checkpoint_save *s = new_save();
    s->tmp = xstrdup(place);
    s->joined = true;
    return s;
}

const char *checkpoint_place(const struct checkpoint_save *s)
{
    return s->tmp;
}

void checkpoint_in_parts(struct checkpoint_save *s, const struct range *own, size_t n)
{
    s->own = own;
    s->n_own = n;
}

/* shared: other processes write other pieces of it. */
static void file_begin(struct checkpoint_save *s, const char *name, bool shared)
{
    s->path = path_join(s->tmp, name);
    s->fd = open(s->path, O_WRONLY | O_CREAT | (shared ? 0 : O_EXCL) | O_NOFOLLOW | O_CLOEXEC, 0644);
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

static void digits(struct checkpoint_save *s, char hex[17])
{
    snprintf(hex, 17, "%016llx", (unsigned long long)XXH3_64bits_digest(s->hash));
}

/* Closes the file and lists it. */
static void file_end(struct checkpoint_save *s, const char *name, json_t *entry)
{
    if (fsync(s->fd) != 0 || close(s->fd) != 0)
        die_errno("%s: cannot write", s->path);
    if (json_object_set_new(s->files, name, entry) != 0)
        die("out of memory");
    free(s->path);
    s->path = NULL;
}

static void file_end_whole(struct checkpoint_save *s, const char *name)
{
    char hex[17];
    digits(s, hex);
    file_end(s, name, json_pack("{sIss}", "bytes", (json_int_t)s->bytes, "xxh3", hex));
}

void checkpoint_put_text(struct checkpoint_save *s, const char *name, const char *text, size_t len)
{
    file_begin(s, name, false);
    file_write(s, text, len);
    file_end_whole(s, name);
}

/* Elements from .. from+n of a parameter. */
static void put_elements(struct checkpoint_save *s, const struct weights *w, struct weight_array array,
                         const struct param *p, size_t from, size_t n_all, enum st_dtype dtype)
{
    for (size_t i = 0; i < n_all; i += CHUNK) {
        size_t n = n_all - i < CHUNK ? n_all - i : CHUNK;
        weight_array_get(w, array, p, from + i, n, s->buf);
        if (dtype == ST_F32) {
            file_write(s, s->buf, n * sizeof *s->buf);
            continue;
        }
        for (size_t k = 0; k < n; k++)
            s->half[k] = bf16_from_f32(s->buf[k]);
        file_write(s, s->half, n * sizeof *s->half);
    }
}

/* The tensors of a file, all arrays' one after another, with room for their names. */
struct listing {
    struct st_tensor *v;
    char **names, *header;
    size_t n, len;
};

static struct listing list_tensors(const struct weights *w, const struct checkpoint_array *arrays,
                                   size_t n_arrays, enum st_dtype dtype)
{
    size_t count = w->layout.count;
    struct listing l = {.n = n_arrays * count};
    l.v = xcalloc(l.n, sizeof *l.v);
    l.names = xcalloc(l.n, sizeof *l.names);
    for (size_t i = 0; i < l.n; i++) {
        const struct param *p = &w->layout.v[i % count];
        l.names[i] = xasprintf("%s%s", arrays[i / count].prefix, p->name);
        l.v[i] = (struct st_tensor){
            .name = l.names[i], .dtype = dtype, .rank = 2, .shape = {(uint64_t)p->rows, (uint64_t)p->cols}};
        if (!param_is_matrix(p)) {
            l.v[i].rank = 1;
            l.v[i].shape[0] = (uint64_t)p->cols;
        }
    }
    l.header = safetensors_header(l.v, l.n, &l.len);
    if (!l.header)
        die("a header of %zu tensors: out of memory", l.n);
    return l;
}

static void free_listing(struct listing *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->names[i]);
    free(l->names);
    free(l->header);
    free(l->v);
}

static void piece_begin(struct checkpoint_save *s, uint64_t at)
{
    if (lseek(s->fd, (off_t)at, SEEK_SET) < 0)
        die_errno("%s", s->path);
    XXH3_64bits_reset(s->hash);
    s->bytes = 0;
}

/* An empty piece is none. */
static void piece_end(struct checkpoint_save *s, uint64_t at, json_t *pieces)
{
    char hex[17];
    digits(s, hex);
    if (s->bytes > 0 &&
        json_array_append_new(pieces, json_pack("[IIs]", (json_int_t)at, (json_int_t)s->bytes, hex)) != 0)
        die("out of memory");
}

/* What a range has of an array whose tensors are v: side by side in the file. */
static void put_range(struct checkpoint_save *s, const struct weights *w, const struct checkpoint_array *a,
                      const struct st_tensor *v, const struct range *r, json_t *pieces)
{
    bool begun = false;
    uint64_t at = 0;
    for (size_t i = 0; i < w->layout.count; i++) {
        struct param p = w->layout.v[i];
        size_t from = p.offset > r->from ? p.offset : r->from,
               end = p.offset + p.n < r->end ? p.offset + p.n : r->end, first = from - p.offset;
        if (end <= from)
            continue;
        if (!begun)
            piece_begin(s, at = v[i].begin + first * st_dtype_bytes(v[i].dtype));
        begun = true;
        if (a->own_only) { /* elements of the range begin at r->at */
            p.offset = r->at + (from - r->from);
            first = 0;
        }
        put_elements(s, w, a->array, &p, first, end - from, v[i].dtype);
    }
    if (begun)
        piece_end(s, at, pieces);
}

static void put_parts(struct checkpoint_save *s, const char *name, const struct weights *w,
                      const struct checkpoint_array *arrays, size_t n_arrays, const struct listing *l)
{
    json_t *pieces = json_array();
    file_begin(s, name, true);
    if (!s->joined) {
        piece_begin(s, 0);
        file_write(s, l->header, l->len);
        piece_end(s, 0, pieces);
    }
    for (size_t a = 0; a < n_arrays; a++)
        for (size_t i = 0; i < s->n_own; i++)
            put_range(s, w, &arrays[a], l->v + a * w->layout.count, &s->own[i], pieces);
    file_end(s, name, json_pack("{sIso}", "bytes", (json_int_t)l->v[l->n - 1].end, "pieces", pieces));
}

void checkpoint_put_tensors(struct checkpoint_save *s, const char *name, const struct weights *w,
                            const struct checkpoint_array *arrays, size_t n_arrays, enum st_dtype dtype)
{
    struct listing l = list_tensors(w, arrays, n_arrays, dtype);
    size_t count = w->layout.count;
    if (s->own) {
        put_parts(s, name, w, arrays, n_arrays, &l);
    } else {
        file_begin(s, name, false);
        file_write(s, l.header, l.len);
        for (size_t i = 0; i < l.n; i++)
            put_elements(s, w, arrays[i / count].array, &w->layout.v[i % count], 0, w->layout.v[i % count].n,
                         dtype);
        file_end_whole(s, name);
    }
    free_listing(&l);
}

static void free_save(struct checkpoint_save *s)
{
    json_decref(s->files);
    XXH3_freeState(s->hash);
    free(s->tmp);
    free(s->buf);
    free(s->half);
    free(s);
}

char *checkpoint_leave(struct checkpoint_save *s)
{
    char *text = json_dumps(s->files, JSON_COMPACT);
    if (!text)
        die("out of memory");
    free_save(s);
    return text;
}

void checkpoint_add_parts(struct checkpoint_save *s, const char *files)
{
    json_t *others = json_loads(files, 0, NULL), *entry;
    const char *name;
    if (!others)
        die("out of memory");
    json_object_foreach(others, name, entry)
    {
        json_t *pieces = json_object_get(json_object_get(s->files, name), "pieces");
        if (!pieces || json_array_extend(pieces, json_object_get(entry, "pieces")) != 0)
            die("%s/%s: another process wrote it, this one did not", s->place.path, name);
    }
    json_decref(others);
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

static int by_offset(const void *a, const void *b)
{
    json_int_t x = json_integer_value(json_array_get(*(json_t *const *)a, 0)),
               y = json_integer_value(json_array_get(*(json_t *const *)b, 0));
    return x < y ? -1 : x > y;
}

/* Puts the pieces of a file in their order. */
static void sort_pieces(json_t *entry)
{
    json_t *pieces = json_object_get(entry, "pieces"), *sorted = json_array();
    size_t n = json_array_size(pieces);
    json_t **v = xcalloc(n + 1, sizeof *v);
    for (size_t i = 0; i < n; i++)
        v[i] = json_array_get(pieces, i);
    qsort(v, n, sizeof *v, by_offset);
    for (size_t i = 0; i < n; i++)
        json_array_append(sorted, v[i]);
    if (pieces)
        json_object_set(entry, "pieces", sorted);
    json_decref(sorted);
    free(v);
}

void checkpoint_commit(struct checkpoint_save *s, json_t *state)
{
    size_t len;
    const char *name;
    json_t *entry;
    json_object_foreach(s->files, name, entry) sort_pieces(entry);
    if (json_object_set(state, "files", s->files) != 0)
        die("out of memory");
    char *text = sealed_state(state, &len);
    checkpoint_put_text(s, "trainer/state.json", text, len);
    free(text);
    char *trainer = path_join(s->tmp, "trainer");
    fsync_dir(trainer);
    free(trainer);
    commit_dir_finish(&s->place);
    free_save(s);
}
