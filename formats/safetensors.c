#include "formats/safetensors.h"
#include "formats/json_members.h"
#include "formats/little.h"
#include "formats/reason.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *name;
    size_t bytes;
} dtypes[N_ST_DTYPES] = {
    [ST_F32] = {"F32", 4},   [ST_F16] = {"F16", 2},         [ST_BF16] = {"BF16", 2},
    [ST_F64] = {"F64", 8},   [ST_I64] = {"I64", 8},         [ST_I32] = {"I32", 4},
    [ST_I16] = {"I16", 2},   [ST_I8] = {"I8", 1},           [ST_U64] = {"U64", 8},
    [ST_U32] = {"U32", 4},   [ST_U16] = {"U16", 2},         [ST_U8] = {"U8", 1},
    [ST_BOOL] = {"BOOL", 1}, [ST_F8_E4M3] = {"F8_E4M3", 1}, [ST_F8_E5M2] = {"F8_E5M2", 1},
};

struct safetensors {
    char *path;
    int fd;
    uint64_t file_bytes, data_begin;
    struct st_tensor *v; /* sorted by begin; owns the names */
    struct st_tensor **by_name;
    size_t count, room;
};

size_t st_dtype_bytes(enum st_dtype t)
{
    return dtypes[t].bytes;
}

const char *st_dtype_name(enum st_dtype t)
{
    return dtypes[t].name;
}

/* Returns 0, or -1 on an error or when the file ends before. */
static int read_at(int fd, void *out, size_t n, uint64_t offset)
{
    for (size_t got = 0; got < n;) {
        ssize_t k = pread(fd, (char *)out + got, n - got, (off_t)(offset + got));
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0) {
            errno = k < 0 ? errno : 0;
            return -1;
        }
        got += (size_t)k;
    }
    return 0;
}

static const char *read_reason(void)
{
    return errno ? strerror(errno) : "file became shorter";
}

static uint64_t little_endian(const unsigned char b[8])
{
    uint64_t x = 0;
    for (int i = 7; i >= 0; i--)
        x = x << 8 | b[i];
    return x;
}

/* Parses one tensor's entry. Offsets are still relative to the data here. */
static int parse_tensor(struct safetensors *s, const char *name, json_t *e, struct st_tensor *t, char *err,
                        size_t cap)
{
    json_t *dtype = json_object_get(e, "dtype"), *shape = json_object_get(e, "shape");
    json_t *offsets = json_object_get(e, "data_offsets"), *d;
    uint64_t bytes;
    size_t i;
    *t = (struct st_tensor){.name = name, .dtype = N_ST_DTYPES, .n = 1};
    if (!json_is_string(dtype) || !json_is_array(shape) || !json_is_array(offsets) ||
        json_array_size(offsets) != 2)
        return reason(err, cap, "%s: offset 8: tensor '%.200s' needs dtype, shape and two data_offsets",
                      s->path, name);
    for (int k = 0; k < N_ST_DTYPES; k++)
        if (strcmp(dtypes[k].name, json_string_value(dtype)) == 0)
            t->dtype = (enum st_dtype)k;
    if (t->dtype == N_ST_DTYPES)
        return reason(err, cap, "%s: offset 8: tensor '%.200s': unknown dtype '%.40s'", s->path, name,
                      json_string_value(dtype));
    if (json_array_size(shape) > SAFETENSORS_MAX_RANK)
        return reason(err, cap, "%s: offset 8: tensor '%.200s': more than %d dimensions", s->path, name,
                      SAFETENSORS_MAX_RANK);
    json_array_foreach(shape, i, d)
    {
        if (!json_is_integer(d) || json_integer_value(d) < 0)
            return reason(err, cap, "%s: offset 8: tensor '%.200s': dimension %zu is not a size", s->path,
                          name, i);
        t->shape[t->rank] = (uint64_t)json_integer_value(d);
        if (__builtin_mul_overflow(t->n, t->shape[t->rank++], &t->n))
            return reason(err, cap, "%s: offset 8: tensor '%.200s': shape overflows", s->path, name);
    }
    for (i = 0; i < 2; i++) {
        d = json_array_get(offsets, i);
        if (!json_is_integer(d) || json_integer_value(d) < 0)
            return reason(err, cap, "%s: offset 8: tensor '%.200s': data_offsets are not positions", s->path,
                          name);
        *(i ? &t->end : &t->begin) = (uint64_t)json_integer_value(d);
    }
    if (__builtin_mul_overflow(t->n, dtypes[t->dtype].bytes, &bytes) || t->end < t->begin ||
        t->end - t->begin != bytes)
        return reason(err, cap, "%s: offset 8: tensor '%.200s': data_offsets do not span its shape", s->path,
                      name);
    return 0;
}

static int by_begin(const void *a, const void *b)
{
    const struct st_tensor *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(struct st_tensor *const *)a)->name, (*(struct st_tensor *const *)b)->name);
}

/* Checks that the tensors' bytes, sorted, tile the rest of the file exactly. */
static int check_tiling(struct safetensors *s, char *err, size_t cap)
{
    uint64_t at = 0, data = s->file_bytes - s->data_begin;
    if (s->count > 0)
        qsort(s->v, s->count, sizeof *s->v, by_begin);
    for (size_t i = 0; i < s->count; i++) {
        struct st_tensor *t = &s->v[i];
        if (t->begin != at)
            return reason(err, cap, "%s: offset %llu: tensor '%.200s' %s", s->path,
                          (unsigned long long)(s->data_begin + at), t->name,
                          t->begin < at ? "overlaps the one before" : "leaves a hole before it");
        if (t->end > data)
            return reason(
                err, cap,
                "%s: offset %llu: file ends before tensor '%.200s' does (needs %llu bytes, has %llu)",
                s->path, (unsigned long long)s->file_bytes, t->name,
                (unsigned long long)(t->end + s->data_begin), (unsigned long long)s->file_bytes);
        at = t->end;
        t->begin += s->data_begin;
        t->end += s->data_begin;
    }
    if (at != data)
        return reason(err, cap, "%s: offset %llu: %llu bytes after the last tensor", s->path,
                      (unsigned long long)(s->data_begin + at), (unsigned long long)(data - at));
    return 0;
}

static int parse_metadata(struct safetensors *s, json_t *meta, char *err, size_t cap)
{
    const char *key;
    json_t *v;
    if (!json_is_object(meta))
        return reason(err, cap, "%s: offset 8: __metadata__ is not an object", s->path);
    json_object_foreach(meta, key, v) if (!json_is_string(v)) return reason(
        err, cap, "%s: offset 8: __metadata__ '%.100s' is not a string", s->path, key);
    return 0;
}

static int by_own_name(const void *a, const void *b)
{
    return strcmp(((const struct st_tensor *)a)->name, ((const struct st_tensor *)b)->name);
}

static int check_names(struct safetensors *s, char *err, size_t cap)
{
    if (s->count > 0)
        qsort(s->v, s->count, sizeof *s->v, by_own_name);
    for (size_t i = 1; i < s->count; i++)
        if (strcmp(s->v[i - 1].name, s->v[i].name) == 0)
            return reason(err, cap, "%s: offset 8: duplicate tensor '%.200s'", s->path, s->v[i].name);
    return 0;
}

/* Adds one more tensor, whose name is not yet known. NULL: out of memory. */
static struct st_tensor *add_tensor(struct safetensors *s)
{
    if (s->count == s->room) {
        size_t room = s->room ? 2 * s->room : 64;
        struct st_tensor *v = realloc(s->v, room * sizeof *v);
        if (!v)
            return NULL;
        s->v = v;
        s->room = room;
    }
    s->v[s->count] = (struct st_tensor){0};
    return &s->v[s->count];
}

static int parse_member(struct safetensors *s, const char *name, json_t *value, char *err, size_t cap)
{
    if (strcmp(name, "__metadata__") == 0)
        return parse_metadata(s, value, err, cap);
    if (!json_is_object(value))
        return reason(err, cap, "%s: offset 8: tensor '%.200s' is not an object", s->path, name);
    struct st_tensor *t = add_tensor(s);
    if (!t)
        return reason(err, cap, "%s: out of memory", s->path);
    if (parse_tensor(s, name, value, t, err, cap) != 0)
        return -1;
    t->name = strdup(name);
    if (!t->name)
        return reason(err, cap, "%s: out of memory", s->path);
    s->count++;
    return 0;
}

/* Parses text [begin, end) of the header as a value of its own. NULL, with err: not JSON. */
static json_t *parse_part(const struct safetensors *s, const char *text, size_t begin, size_t end, char *err,
                          size_t cap)
{
    json_error_t where;
    json_t *v = json_loadb(text + begin, end - begin, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &where);
    if (!v)
        reason(err, cap, "%s: offset %zu: header: %s", s->path, 8 + begin + (size_t)where.position,
               where.text);
    return v;
}

static int parse_members(struct safetensors *s, const char *text, size_t len, char *err, size_t cap)
{
    struct json_members m;
    bool metadata = false;
    int more;
    json_members_begin(&m, text, len);
    while ((more = json_members_next(&m)) > 0) {
        json_t *name = parse_part(s, text, m.name, m.name_end, err, cap), *value = NULL;
        const char *word = json_string_value(name);
        bool is_metadata = word && strcmp(word, "__metadata__") == 0;
        int rc = -1;
        if (word && m.value_end - m.value > (is_metadata ? SAFETENSORS_MAX_METADATA : SAFETENSORS_MAX_ENTRY))
            reason(err, cap, "%s: offset %zu: header: the entry '%.200s' is too long", s->path, 8 + m.value,
                   word);
        else if (is_metadata && metadata)
            reason(err, cap, "%s: offset %zu: header: duplicate __metadata__", s->path, 8 + m.name);
        else if (word && (value = parse_part(s, text, m.value, m.value_end, err, cap)))
            rc = parse_member(s, word, value, err, cap);
        metadata |= is_metadata;
        json_decref(value);
        json_decref(name);
        if (rc != 0)
            return -1;
    }
    return more == 0 ? 0 : reason(err, cap, "%s: offset %zu: header: %s", s->path, 8 + m.at, m.why);
}

static int parse_header(struct safetensors *s, const char *text, size_t len, char *err, size_t cap)
{
    if (text[0] != '{')
        return reason(err, cap, "%s: offset 8: header does not begin with '{'", s->path);
    if (parse_members(s, text, len, err, cap) != 0 || check_names(s, err, cap) != 0 ||
        check_tiling(s, err, cap) != 0)
        return -1;
    s->by_name = calloc(s->count + 1, sizeof *s->by_name);
    if (!s->by_name)
        return reason(err, cap, "%s: out of memory", s->path);
    for (size_t i = 0; i < s->count; i++)
        s->by_name[i] = &s->v[i];
    qsort(s->by_name, s->count, sizeof *s->by_name, by_name);
    return 0;
}

static int read_header(struct safetensors *s, char *err, size_t cap)
{
    struct stat st;
    unsigned char prefix[8];
    if (fstat(s->fd, &st) != 0)
        return reason(err, cap, "%s: %s", s->path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return reason(err, cap, "%s: not a regular file", s->path);
    s->file_bytes = (uint64_t)st.st_size;
    if (s->file_bytes < 8 + 2)
        return reason(err, cap, "%s: offset 0: %llu bytes are too few for safetensors", s->path,
                      (unsigned long long)s->file_bytes);
    if (read_at(s->fd, prefix, 8, 0) != 0)
        return reason(err, cap, "%s: offset 0: %s", s->path, read_reason());
    uint64_t len = little_endian(prefix);
    if (len < 2 || len > SAFETENSORS_MAX_HEADER)
        return reason(err, cap, "%s: offset 0: header length %llu (allowed: 2 to %d)", s->path,
                      (unsigned long long)len, SAFETENSORS_MAX_HEADER);
    if (len > s->file_bytes - 8)
        return reason(err, cap, "%s: offset 8: file ends within the header (%llu of %llu bytes)", s->path,
                      (unsigned long long)(s->file_bytes - 8), (unsigned long long)len);
    s->data_begin = 8 + len;
    char *text = malloc(len);
    int rc = -1;
    if (!text)
        reason(err, cap, "%s: out of memory", s->path);
    else if (read_at(s->fd, text, len, 8) != 0)
        reason(err, cap, "%s: offset 8: %s", s->path, read_reason());
    else
        rc = parse_header(s, text, len, err, cap);
    free(text);
    return rc;
}

struct safetensors *safetensors_open(const char *path, char *err, size_t cap)
{
    struct safetensors *s = calloc(1, sizeof *s);
    if (s)
        s->fd = -1;
    if (!s || !(s->path = strdup(path)))
        reason(err, cap, "%s: out of memory", path);
    else if ((s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0)
        reason(err, cap, "%s: %s", path, strerror(errno));
    else if (read_header(s, err, cap) == 0)
        return s;
    safetensors_close(s);
    return NULL;
}

void safetensors_close(struct safetensors *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    for (size_t i = 0; i < s->count; i++)
        free((char *)s->v[i].name);
    free(s->v);
    free(s->by_name);
    free(s->path);
    free(s);
}

size_t safetensors_count(const struct safetensors *s)
{
    return s->count;
}

const struct st_tensor *safetensors_at(const struct safetensors *s, size_t i)
{
    return &s->v[i];
}

const struct st_tensor *safetensors_find(const struct safetensors *s, const char *name)
{
    struct st_tensor key = {.name = name}, *k = &key;
    struct st_tensor **hit = bsearch(&k, s->by_name, s->count, sizeof *s->by_name, by_name);
    return hit ? *hit : NULL;
}

void *safetensors_map(const struct safetensors *s, size_t *bytes)
{
    *bytes = (size_t)s->file_bytes;
    void *p = mmap(NULL, *bytes, PROT_READ, MAP_SHARED | MAP_POPULATE, s->fd, 0);
    return p == MAP_FAILED ? NULL : p;
}

static float f32_from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

static float f32_from_f16(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 0x3ff;
    if (exponent == 31)
        return f32_from_bits(sign | 0x7f800000 | fraction << 13);
    if (exponent == 0) {
        float x = (float)fraction * 0x1p-24f;
        return sign ? -x : x;
    }
    return f32_from_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

uint16_t bf16_from_f32(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, 4);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40); /* NaN stays NaN */
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static int read_halves(const struct safetensors *s, const struct st_tensor *t, uint64_t first, size_t n,
                       float *out)
{
    uint16_t half[4096];
    while (n > 0) {
        size_t k = n < 4096 ? n : 4096;
        if (read_at(s->fd, half, k * 2, t->begin + first * 2) != 0)
            return -1;
        for (size_t i = 0; i < k; i++)
            out[i] = t->dtype == ST_BF16 ? f32_from_bits((uint32_t)half[i] << 16) : f32_from_f16(half[i]);
        out += k;
        first += k;
        n -= k;
    }
    return 0;
}

int safetensors_read_f32(const struct safetensors *s, const struct st_tensor *t, uint64_t first, size_t n,
                         float *out, char *err, size_t cap)
{
    int rc;
    if (t->dtype != ST_F32 && t->dtype != ST_F16 && t->dtype != ST_BF16)
        return reason(err, cap, "%s: tensor '%.200s': dtype %s, want F32, F16 or BF16", s->path, t->name,
                      dtypes[t->dtype].name);
    if (first > t->n || n > t->n - first)
        return reason(err, cap, "%s: tensor '%.200s': elements beyond its end", s->path, t->name);
    if (t->dtype == ST_F32)
        rc = read_at(s->fd, out, n * 4, t->begin + first * 4);
    else
        rc = read_halves(s, t, first, n, out);
    if (rc != 0)
        return reason(err, cap, "%s: offset %llu: tensor '%.200s': %s", s->path,
                      (unsigned long long)(t->begin + first * dtypes[t->dtype].bytes), t->name,
                      read_reason());
    return 0;
}

/* Computes sizes and places of the tensors, relative to the data. */
static int place(struct st_tensor *v, size_t count)
{
    uint64_t at = 0, bytes;
    for (size_t i = 0; i < count; i++) {
        v[i].n = 1;
        for (int d = 0; d < v[i].rank; d++)
            if (__builtin_mul_overflow(v[i].n, v[i].shape[d], &v[i].n))
                return -1;
        if (__builtin_mul_overflow(v[i].n, dtypes[v[i].dtype].bytes, &bytes))
            return -1;
        v[i].begin = at;
        if (__builtin_add_overflow(at, bytes, &at) || at > INT64_MAX)
            return -1;
        v[i].end = at;
    }
    return 0;
}

static json_t *header_object(const struct st_tensor *v, size_t count)
{
    json_t *root = json_object();
    bool bad = json_object_set_new(root, "__metadata__", json_pack("{ss}", "format", "pt")) != 0;
    for (size_t i = 0; i < count; i++) {
        json_t *shape = json_array();
        for (int d = 0; d < v[i].rank; d++)
            bad |= json_array_append_new(shape, json_integer((json_int_t)v[i].shape[d])) != 0;
        json_t *entry = json_pack("{sssos[II]}", "dtype", dtypes[v[i].dtype].name, "shape", shape,
                                  "data_offsets", (json_int_t)v[i].begin, (json_int_t)v[i].end);
        bad |= json_object_set_new(root, v[i].name, entry) != 0;
    }
    if (!bad)
        return root;
    json_decref(root);
    return NULL;
}

char *safetensors_header(struct st_tensor *v, size_t count, size_t *len)
{
    json_t *root = place(v, count) == 0 ? header_object(v, count) : NULL;
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL, *out = NULL;
    json_decref(root);
    if (!text)
        return NULL;
    size_t n = strlen(text), padded = (n + 7) & ~(size_t)7;
    if (padded <= SAFETENSORS_MAX_HEADER && (out = malloc(8 + padded))) {
        little_put((unsigned char *)out, padded, 8);
        memcpy(out + 8, text, n);
        memset(out + 8 + n, ' ', padded - n);
        *len = 8 + padded;
        for (size_t i = 0; i < count; i++) {
            v[i].begin += *len;
            v[i].end += *len;
        }
    }
    free(text);
    return out;
}
