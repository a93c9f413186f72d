/*
 * engine_state.c - the engine into a checkpoint and back (formats/checkpoint.md)
 */
#include "pipeline/train/engine_learned.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char weights_file[] = "trainer/engine.safetensors",
                  directions_file[] = "trainer/engine-directions.safetensors",
                  numbers_file[] = "trainer/engine-state.safetensors";

enum { MOST_ARRAYS = 64 };

/* Everything but the arrays on the device. */
static size_t list_arrays(struct engine *e, struct state_array *out)
{
    size_t n = 0, row = (size_t)e->host.T + 1;
    out[n++] = (struct state_array){"engine.numbers", ARRAY_U64, e->n, sizeof *e->n / 8};
    /* two tokens a word; there is room for a last one */
    out[n++] = (struct state_array){"engine.rows", ARRAY_U64, e->rows, ((size_t)e->host.B * row + 1) / 2};
    if (e->far)
        out[n++] = (struct state_array){"engine.far", ARRAY_U64, e->far, sizeof *e->far / 8};
    if (e->rssm)
        n += learned_arrays(e->rssm, out + n, MOST_ARRAYS - n);
    return n;
}

static size_t array_bytes(const struct state_array *a)
{
    return a->n * (a->type == ARRAY_F32 ? 4 : 8);
}

static void save_numbers(struct engine *e, struct checkpoint_save *s)
{
    struct state_array a[MOST_ARRAYS];
    struct st_tensor v[MOST_ARRAYS];
    size_t n = list_arrays(e, a), len, total = 0;
    for (size_t i = 0; i < n; i++) {
        v[i] = (struct st_tensor){.name = a[i].name,
                                  .dtype = a[i].type == ARRAY_F32 ? ST_F32 : ST_U64,
                                  .rank = 1,
                                  .shape = {a[i].n}};
        total += array_bytes(&a[i]);
    }
    char *header = safetensors_header(v, n, &len);
    if (!header)
        die("out of memory");
    char *text = xmalloc(len + total), *at = text + len;
    memcpy(text, header, len);
    for (size_t i = 0; i < n; i++, at += array_bytes(&a[i - 1]))
        memcpy(at, a[i].data, array_bytes(&a[i]));
    checkpoint_put_text(s, numbers_file, text, len + total);
    free(text);
    free(header);
}

static struct flat direction(const struct engine *e, void *const *D, int j)
{
    return (struct flat){.p = D[j], .half = e->host.w->act == DTYPE_BF16};
}

static const char *const direction_prefix[] = {"d1.", "d2.", "d3.", "d4."}, *const far_prefix[] = {
                                                                                "far1.", "far2.", "far3.",
                                                                                "far4."};

void engine_save(struct engine *e, struct checkpoint_save *s)
{
    if (!e)
        return;
    const struct checkpoint_array all[] = {
        {"mean.", {.p = e->mean}}, {"mark.", {.p = e->mark}}, {"far.", {.p = e->far_mark}}};
    struct checkpoint_array d[2 * HYBRID_K];
    for (int j = 0; j < HYBRID_K; j++) {
        d[j] = (struct checkpoint_array){direction_prefix[j], direction(e, e->D, j)};
        d[HYBRID_K + j] = (struct checkpoint_array){far_prefix[j], direction(e, e->far_D, j)};
    }
    checkpoint_put_tensors(s, weights_file, e->host.w, all, e->far ? 3 : 2, ST_F32);
    checkpoint_put_tensors(s, directions_file, e->host.w, d, e->far ? 2 * HYBRID_K : HYBRID_K,
                           e->host.w->act == DTYPE_BF16 ? ST_BF16 : ST_F32);
    save_numbers(e, s);
}

static int fail(char *err, size_t cap, const char *path, const char *name, const char *why)
{
    snprintf(err, cap, "%s: '%s' %s", path, name, why);
    return -1;
}

/* Bytes of the file as they are: safetensors.h converts to f32, which would lose some. */
static int read_array(const char *path, const struct st_tensor *t, struct state_array *a, char *err,
                      size_t cap)
{
    size_t bytes = array_bytes(a), got = 0;
    if (!t || t->dtype != (a->type == ARRAY_F32 ? ST_F32 : ST_U64) || t->n != a->n)
        return fail(err, cap, path, a->name,
                    "is missing or of another size: the run had other settings or another version");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && got < bytes) {
        ssize_t n = pread(fd, (char *)a->data + got, bytes - got, (off_t)(t->begin + got));
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    if (fd >= 0)
        close(fd);
    return got == bytes ? 0 : fail(err, cap, path, a->name, "cannot be read");
}

static int load_numbers(struct engine *e, const char *dir, char *err, size_t cap)
{
    struct state_array a[MOST_ARRAYS];
    char why[256];
    size_t n = list_arrays(e, a);
    char *path = path_join(dir, numbers_file);
    struct safetensors *s = safetensors_open(path, err, cap);
    int rc = s ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = read_array(path, safetensors_find(s, a[i].name), &a[i], err, cap);
    safetensors_close(s);
    if (rc == 0 && e->rssm && learned_check(e->rssm, why, sizeof why) != 0)
        rc = fail(err, cap, path, "engine", why);
    if (rc == 0 && (e->n->phases.phase >= N_PHASES || e->n->probe_rows > (uint64_t)e->host.B ||
                    e->n->choice.arm > HYBRID_SCALES))
        rc = fail(err, cap, path, "engine.numbers", "holds impossible values");
    free(path);
    return rc;
}

static int load_f32(struct engine *e, const char *dir, const char *prefix, float *flat, char *err, size_t cap)
{
    return checkpoint_read_flat(dir, weights_file, prefix, false, e->host.w, (struct flat){.p = flat}, err,
                                cap);
}

static int load_directions(struct engine *e, const char *dir, const char *const *prefix, void *const *D,
                           char *err, size_t cap)
{
    int rc = 0;
    for (int j = 0; rc == 0 && j < HYBRID_K; j++)
        rc = checkpoint_read_flat(dir, directions_file, prefix[j], false, e->host.w, direction(e, D, j), err,
                                  cap);
    return rc;
}

int engine_load(struct engine *e, const char *dir, const json_t *state, char *err, size_t cap)
{
    if (!e)
        return 0;
    engine_begin(e);
    if (!json_object_get(json_object_get(state, "files"), numbers_file))
        return 0;
    if (load_numbers(e, dir, err, cap) != 0 || load_f32(e, dir, "mean.", e->mean, err, cap) != 0 ||
        load_f32(e, dir, "mark.", e->mark, err, cap) != 0 ||
        load_directions(e, dir, direction_prefix, e->D, err, cap) != 0)
        return -1;
    if (!e->far)
        return 0;
    return load_f32(e, dir, "far.", e->far_mark, err, cap) == 0
               ? load_directions(e, dir, far_prefix, e->far_D, err, cap)
               : -1;
}
