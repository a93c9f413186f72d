#include "pipeline/media/codebook.h"

#include <math.h>
#include <stdlib.h>

#include "formats/safetensors.h"
#include "pipeline/lib/fs.h"
#include "pipeline/media/picture.h"

enum { MAX_SIZE = 8192 }; /* codes in one level */

static size_t n_values(const struct rvq *q)
{
    return q->levels * q->size * q->dim;
}

int codebook_write(const struct codebook *b, FILE *f)
{
    struct st_tensor v[1 + CODEBOOK_MAX_PARTS];
    char *names[1 + CODEBOOK_MAX_PARTS] = {xasprintf("%s.parameters", b->kind)};
    size_t len;
    v[0] = (struct st_tensor){.name = names[0], .dtype = ST_F32, .rank = 1, .shape = {b->n_parameters}};
    for (size_t i = 0; i < b->n_parts; i++) {
        const struct rvq *q = b->parts[i].q;
        names[1 + i] = xasprintf("%s.%s", b->kind, b->parts[i].name);
        v[1 + i] = (struct st_tensor){
            .name = names[1 + i], .dtype = ST_F32, .rank = 3, .shape = {q->levels, q->size, q->dim}};
    }
    char *header = safetensors_header(v, 1 + b->n_parts, &len);
    if (!header)
        return -1;
    fwrite(header, 1, len, f);
    fwrite(b->parameters, sizeof(float), b->n_parameters, f);
    for (size_t i = 0; i < b->n_parts; i++)
        for (size_t k = 0; k < n_values(b->parts[i].q); k++) {
            float value = b->parts[i].q->codes[k];
            fwrite(&value, sizeof value, 1, f);
        }
    free(header);
    for (size_t i = 0; i <= b->n_parts; i++)
        free(names[i]);
    return ferror(f) ? -1 : 0;
}

static const struct st_tensor *find(const struct safetensors *s, const struct codebook *b, const char *part,
                                    int rank, const char *path, char *err, size_t cap)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%s", b->kind, part);
    const struct st_tensor *t = safetensors_find(s, name);
    if (!t)
        media_fail(err, cap, "%s: no tensor %s: not a codebook for --modality %s", path, name, b->kind);
    else if (t->rank != rank || t->n == 0)
        media_fail(err, cap, "%s: tensor %s has not the shape of a codebook", path, name);
    else
        return t;
    return NULL;
}

/* Reads whole numbers within +-limit into out. */
static int read_whole(const struct safetensors *s, const struct st_tensor *t, int limit, int16_t *out,
                      const char *path, char *err, size_t cap)
{
    float value[4096];
    for (uint64_t i = 0; i < t->n; i += 4096) {
        size_t here = t->n - i < 4096 ? (size_t)(t->n - i) : 4096;
        if (safetensors_read_f32(s, t, i, here, value, err, cap) != 0)
            return -1;
        for (size_t k = 0; k < here; k++) {
            if (!(fabsf(value[k]) <= (float)limit) || value[k] != truncf(value[k]))
                return media_fail(err, cap,
                                  "%s: offset %llu: tensor %s: %g is not a whole number within +-%d", path,
                                  (unsigned long long)(t->begin + (i + k) * 4), t->name, value[k], limit);
            out[i + k] = (int16_t)value[k];
        }
    }
    return 0;
}

static int read_part(const struct safetensors *s, struct codebook *b, size_t part, const char *path,
                     char *err, size_t cap)
{
    const struct st_tensor *t = find(s, b, b->parts[part].name, 3, path, err, cap);
    if (!t)
        return -1;
    if (t->shape[0] > RVQ_MAX_LEVELS || t->shape[1] > MAX_SIZE || t->shape[2] > NEAREST_MAX_DIM)
        return media_fail(err, cap, "%s: tensor %s: more than %d levels, %d codes or %d components", path,
                          t->name, RVQ_MAX_LEVELS, MAX_SIZE, NEAREST_MAX_DIM);
    struct rvq *q = b->parts[part].q;
    rvq_init(q, t->shape[2], t->shape[0], t->shape[1]);
    return read_whole(s, t, nearest_limit(q->dim), q->codes, path, err, cap);
}

int codebook_read(struct codebook *b, const char *path, char *err, size_t cap)
{
    struct safetensors *s = safetensors_open(path, err, cap);
    if (!s)
        return -1;
    int16_t parameters[CODEBOOK_MAX_PARAMETERS];
    const struct st_tensor *t = find(s, b, "parameters", 1, path, err, cap);
    int r = t ? 0 : -1;
    if (t && t->n != b->n_parameters)
        r = media_fail(err, cap, "%s: %llu parameters, not %zu", path, (unsigned long long)t->n,
                       b->n_parameters);
    if (r == 0)
        r = read_whole(s, t, INT16_MAX, parameters, path, err, cap);
    for (size_t i = 0; i < b->n_parameters && r == 0; i++)
        b->parameters[i] = parameters[i];
    for (size_t i = 0; i < b->n_parts && r == 0; i++)
        r = read_part(s, b, i, path, err, cap);
    for (size_t i = 0; i < b->n_parts; i++)
        if (r == 0)
            rvq_ready(b->parts[i].q);
        else
            rvq_free(b->parts[i].q);
    safetensors_close(s);
    return r;
}
