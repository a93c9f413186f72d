#include "pipeline/media/modality.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/media/codebook.h"
#include "pipeline/media/image_codec.h"

static struct codebook describe_book(struct image_codec *c)
{
    return (struct codebook){.kind = "image",
                             .parameters = {(float)c->patch},
                             .n_parameters = 1,
                             .parts = {{"codes", &c->q}},
                             .n_parts = 1};
}

static void release(void *codec)
{
    struct image_codec *c = codec;
    if (c)
        rvq_free(&c->q);
    free(c);
}

static bool is_patch(double p)
{
    return p == 4 || p == 8 || p == 16;
}

static void *load(const char *path, char *err, size_t cap)
{
    struct image_codec *c = xcalloc(1, sizeof *c);
    struct codebook b = describe_book(c);
    if (codebook_read(&b, path, err, cap) != 0) {
        free(c);
        return NULL;
    }
    c->patch = is_patch(b.parameters[0]) ? (size_t)b.parameters[0] : 0;
    if (c->patch && c->q.dim == image_dim(c->patch) && IMAGE_N_CODES % c->q.levels == 0 &&
        c->q.size == IMAGE_N_CODES / c->q.levels)
        return c;
    media_fail(
        err, cap,
        "%s: patches of %g pixels, %zu levels of %zu codes with %zu components: not what image.md allows",
        path, b.parameters[0], c->q.levels, c->q.size, c->q.dim);
    release(c);
    return NULL;
}

static int prepare(const struct media_opts *o, const void *bytes, size_t len, struct picture *p, char *err,
                   size_t cap)
{
    if (picture_parse(p, bytes, len, err, cap) != 0)
        return -1;
    if (o->crop)
        picture_crop(p);
    picture_shrink(p, o->side && o->side < IMAGE_MAX_SIDE ? (uint32_t)o->side : IMAGE_MAX_SIDE);
    return 0;
}

static int encode_picture(const void *codec, const struct media_opts *o, const void *bytes, size_t len,
                          struct code_list *out, struct quality *quality, char *err, size_t cap)
{
    const struct image_codec *c = codec;
    struct picture p, back;
    if (prepare(o, bytes, len, &p, err, cap) != 0)
        return -1;
    out->n = image_n_codes(c, p.width, p.height);
    out->v = xmalloc(out->n * sizeof *out->v);
    image_encode(c, &p, out->v);
    int r = quality ? image_decode(c, out->v, out->n, &back, err, cap) : 0;
    if (quality && r == 0) {
        quality->error += picture_difference(&p, &back);
        quality->n += (double)p.width * p.height * 3;
        picture_free(&back);
    }
    picture_free(&p);
    return r;
}

static int decode_picture(const void *codec, const uint16_t *codes, size_t n, FILE *f, const char *path,
                          char *err, size_t cap)
{
    struct picture p;
    const char *dot = strrchr(path, '.');
    if (image_decode(codec, codes, n, &p, err, cap) != 0)
        return -1;
    int r = picture_write(&p, f, dot && strcasecmp(dot, ".png") == 0);
    picture_free(&p);
    return r == 0 ? 0 : media_fail(err, cap, "cannot write");
}

static void describe(const struct quality *q, char *out, size_t cap)
{
    snprintf(out, cap, "PSNR %.2f dB", image_psnr(q->error, q->n));
}

static int check(struct media_opts *o, char *err, size_t cap)
{
    o->patch = o->patch ? o->patch : 8;
    o->levels = o->levels ? o->levels : 2;
    if (!is_patch((double)o->patch))
        return media_fail(err, cap, "--patch %llu: it is 4, 8 or 16", (unsigned long long)o->patch);
    if (o->levels > RVQ_MAX_LEVELS || (o->levels & (o->levels - 1)))
        return media_fail(err, cap, "--levels %llu: it is 1, 2, 4 or 8", (unsigned long long)o->levels);
    return 0;
}

static size_t record_bytes(const struct media_opts *o)
{
    return image_dim(o->patch) * sizeof(int16_t);
}

static int sample(const struct media_opts *o, const void *bytes, size_t len, void **records, size_t *n,
                  char *err, size_t cap)
{
    struct picture p;
    if (prepare(o, bytes, len, &p, err, cap) != 0)
        return -1;
    *records = image_vectors(&p, o->patch);
    *n = image_patches(o->patch, p.width, p.height);
    picture_free(&p);
    return 0;
}

static void show(size_t level, int iteration)
{
    char text[64];
    snprintf(text, sizeof text, "level %zu", level + 1);
    progress("learn", (uint64_t)iteration, 0, "iterations", text);
}

static void *train(const struct media_opts *o, void *records, size_t n)
{
    struct image_codec *c = xcalloc(1, sizeof *c);
    struct rvq_report report;
    c->patch = o->patch;
    rvq_init(&c->q, image_dim(o->patch), o->levels, IMAGE_N_CODES / o->levels);
    rvq_train(&c->q, records, n, o->seed, o->threads, &report, show);
    progress_end();
    for (size_t l = 0; l < o->levels && !stop_signal; l++)
        say("level %zu: %zu of %zu codes used, %d iterations, error of a patch %.3g of the whole", l + 1,
            report.used[l], c->q.size, report.iterations[l],
            report.error[0] > 0 ? report.error[l + 1] / report.error[0] : 0);
    return c;
}

static int save(const void *codec, FILE *f)
{
    struct image_codec c = *(const struct image_codec *)codec;
    struct codebook b = describe_book(&c);
    return codebook_write(&b, f);
}

const struct modality modality_image = {
    .name = "image",
    .codes_field = "image_codes",
    .n_codes = IMAGE_N_CODES,
    .n_levels = 1,
    .extension = ".png",
    .named = picture_named,
    .load = load,
    .free = release,
    .encode = encode_picture,
    .decode = decode_picture,
    .describe = describe,
    .check = check,
    .record_bytes = record_bytes,
    .sample = sample,
    .train = train,
    .save = save,
};
