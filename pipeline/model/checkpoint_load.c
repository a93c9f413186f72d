/*
 * checkpoint_load.c - a model directory as weights to compute with
 *
 * Where ops read the host's memory and model.safetensors is laid out as the weights are (as `train` writes
 * it), the file is mapped and used as it is: nothing is copied, and programs share one copy. For bf16
 * products of a file in f32 the mapped weights are rounded into a copy. Every other file is read tensor by
 * tensor.
 */
#include "pipeline/model/checkpoint.h"

#include "pipeline/lib/fs.h"

#include <sys/mman.h>

struct mapped { /* model.safetensors; text NULL: it is not mapped */
    void *text;
    size_t bytes;
    struct safetensors *s; /* owned */
};

static void map_file(struct mapped *f, const char *dir, const struct ops *ops)
{
    char err[1024], *path = path_join(dir, "model.safetensors");
    *f = (struct mapped){0};
    if (ops->host_memory && path_exists(path))
        f->s = safetensors_open(path, err, sizeof err); /* if this fails, checkpoint_read_array says why */
    if (f->s)
        f->text = safetensors_map(f->s, &f->bytes);
    free(path);
}

/* Returns the mapped weights when the file holds them in this type, in the layout's order and without gaps,
 * and nothing else; otherwise NULL. */
static void *laid_out(const struct mapped *f, const struct params *layout, enum st_dtype dtype)
{
    const struct st_tensor *first = f->text ? safetensors_find(f->s, layout->v[0].name) : NULL;
    size_t e = st_dtype_bytes(dtype);
    if (!first || first->begin % e != 0 || safetensors_count(f->s) != layout->count ||
        layout->total * e != f->bytes - first->begin)
        return NULL;
    for (size_t i = 0; i < layout->count; i++) {
        const struct param *p = &layout->v[i];
        const struct st_tensor *t = safetensors_find(f->s, p->name);
        bool gain = !param_is_matrix(p);
        if (!t || t->dtype != dtype || t->rank != (gain ? 1 : 2) || t->n != p->n ||
            t->shape[gain ? 0 : 1] != (uint64_t)p->cols || t->begin != first->begin + p->offset * e)
            return NULL;
    }
    return (char *)f->text + first->begin;
}

/* Fills the gains in from weights in f32 or bf16 that are laid out like these. */
static void take_gains(struct weights *w, const void *from, bool half)
{
    for (size_t i = 0; i < w->layout.count; i++) {
        const struct param *p = &w->layout.v[i];
        if (param_is_matrix(p))
            continue;
        if (half)
            w->ops->to_f32(w->dev, w->gains + p->gain_offset, (const uint16_t *)from + p->offset, p->n);
        else
            w->ops->upload(w->dev, w->gains + p->gain_offset, (const float *)from + p->offset,
                           p->n * sizeof *w->gains);
    }
}

/* Makes weights of the mapped file. Returns 1 when they have to be read otherwise. */
static int take_mapped(const struct mapped *f, const struct model_config *c, const struct ops *ops,
                       struct device *dev, enum dtype act, struct weights *w, char *err, size_t cap)
{
    struct params layout;
    if (params_layout(&layout, c) != 0)
        return 1;
    void *f32 = laid_out(f, &layout, ST_F32), *bf16 = laid_out(f, &layout, ST_BF16);
    params_free(&layout);
    if (act == DTYPE_F32 ? !f32 : !f32 && !bf16)
        return 1;
    if (act == DTYPE_BF16 && f32) {
        if (weights_alloc_bf16(w, ops, dev, c, err, cap) != 0)
            return -1;
        take_gains(w, f32, false);
        ops->to_act(dev, w->work, f32, w->layout.total);
        munmap(f->text, f->bytes);
        return 0;
    }
    if (weights_alloc_around(w, ops, dev, act, c, f32, f32 ? f32 : bf16, err, cap) != 0)
        return -1;
    if (bf16)
        take_gains(w, bf16, true);
    w->map = f->text;
    w->map_bytes = f->bytes;
    return 0;
}

static int read_weights(const char *dir, const struct model_config *c, const struct ops *ops,
                        struct device *dev, enum dtype act, struct weights *w, char *err, size_t cap)
{
    if ((act == DTYPE_BF16 ? weights_alloc_bf16(w, ops, dev, c, err, cap)
                           : weights_alloc(w, ops, dev, act, c, err, cap)) != 0)
        return -1;
    if (checkpoint_read_array(dir, "model.safetensors", "", true, w, weights_array(w), err, cap) == 0)
        return 0;
    weights_free(w);
    return -1;
}

int checkpoint_load(const char *dir, const struct ops *ops, struct device *dev, enum dtype act,
                    struct weights *w, char *err, size_t cap)
{
    struct model_config c;
    struct mapped f;
    map_file(&f, dir, ops);
    int rc = checkpoint_verify_mapped(dir, f.text, f.bytes, err, cap);
    if (rc == 0)
        rc = checkpoint_config(dir, &c, err, cap);
    if (rc == 0)
        rc = take_mapped(&f, &c, ops, dev, act, w, err, cap);
    if (rc != 0 && f.text)
        munmap(f.text, f.bytes);
    safetensors_close(f.s);
    return rc == 1 ? read_weights(dir, &c, ops, dev, act, w, err, cap) : rc;
}
