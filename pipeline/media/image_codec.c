#include "pipeline/media/image_codec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/fs.h"

enum {
    SCALE = 4, /* units of a vector in a grey level: rounding to them is invisible */
    COLOUR_SCALE =
        2 * SCALE, /* a colour sample stands for 4 pixels, and moves R, G and B about as much as luma does */
};

size_t image_dim(size_t patch)
{
    return patch * patch * 3 / 2;
}

static size_t across(size_t patch, uint32_t side)
{
    return (side + patch - 1) / patch;
}

size_t image_patches(size_t patch, uint32_t width, uint32_t height)
{
    return across(patch, width) * across(patch, height);
}

size_t image_n_codes(const struct image_codec *c, uint32_t width, uint32_t height)
{
    return IMAGE_HEADER + image_patches(c->patch, width, height) * c->q.levels;
}

/* Returns v / 2^shift, rounded to nearest. */
static int scaled_down(int v, int shift)
{
    return (v + (1 << (shift - 1))) >> shift;
}

static int16_t limited(int v, int limit)
{
    return (int16_t)(v > limit ? limit : v < -limit ? -limit : v);
}

/* Conversion as in ITU-T T.871 (JFIF), in units of 2^-16. Luma is centred on 0. */
static int luma(int r, int g, int b)
{
    return 19595 * r + 38470 * g + 7471 * b - (128 << 16);
}
static int blue(int r, int g, int b)
{
    return -11058 * r - 21710 * g + 32768 * b;
}
static int red(int r, int g, int b)
{
    return 32768 * r - 27439 * g - 5329 * b;
}

static const uint8_t *pixel(const struct picture *p, size_t x, size_t y)
{
    x = x < p->width ? x : p->width - 1;
    y = y < p->height ? y : p->height - 1;
    return p->rgb + (y * p->width + x) * 3;
}

static void read_patch(const struct picture *p, size_t x0, size_t y0, size_t P, int16_t *v)
{
    int limit = nearest_limit(image_dim(P));
    int16_t *cb = v + P * P, *cr = cb + P * P / 4;
    for (size_t y = 0; y < P; y += 2) {
        for (size_t x = 0; x < P; x += 2) {
            int r = 0, g = 0, b = 0;
            for (size_t k = 0; k < 4; k++) {
                const uint8_t *s = pixel(p, x0 + x + k % 2, y0 + y + k / 2);
                r += s[0], g += s[1], b += s[2];
                v[(y + k / 2) * P + x + k % 2] = limited(scaled_down(luma(s[0], s[1], s[2]), 16 - 2), limit);
            }
            /* Sums of 4 pixels have two more bits; times COLOUR_SCALE they have three fewer. */
            *cb++ = limited(scaled_down(blue(r, g, b), 16 + 2 - 3), limit);
            *cr++ = limited(scaled_down(red(r, g, b), 16 + 2 - 3), limit);
        }
    }
}
_Static_assert(SCALE == 1 << 2 && COLOUR_SCALE == 1 << 3, "the shifts of read_patch");

int16_t *image_vectors(const struct picture *p, size_t patch)
{
    size_t dim = image_dim(patch), wide = across(patch, p->width),
           n = image_patches(patch, p->width, p->height);
    int16_t *v = xmalloc(n * dim * sizeof *v);
    for (size_t i = 0; i < n; i++)
        read_patch(p, i % wide * patch, i / wide * patch, patch, v + i * dim);
    return v;
}

static uint8_t sample(double v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : (int)(v + 0.5));
}

static void write_patch(struct picture *p, size_t x0, size_t y0, size_t P, const int32_t *v)
{
    const int32_t *cbs = v + P * P, *crs = cbs + P * P / 4;
    for (size_t y = 0; y < P && y0 + y < p->height; y++) {
        for (size_t x = 0; x < P && x0 + x < p->width; x++) {
            size_t half = y / 2 * (P / 2) + x / 2;
            double Y = v[y * P + x] / (double)SCALE + 128;
            double cb = cbs[half] / (double)COLOUR_SCALE, cr = crs[half] / (double)COLOUR_SCALE;
            uint8_t *out = p->rgb + ((y0 + y) * p->width + x0 + x) * 3;
            out[0] = sample(Y + 1.402 * cr);
            out[1] = sample(Y - 0.344136 * cb - 0.714136 * cr);
            out[2] = sample(Y + 1.772 * cb);
        }
    }
}

void image_encode(const struct image_codec *c, const struct picture *p, uint16_t *out)
{
    size_t n = image_patches(c->patch, p->width, p->height), L = c->q.levels;
    int16_t *v = image_vectors(p, c->patch);
    out[0] = (uint16_t)(p->width - 1);
    out[1] = (uint16_t)(p->height - 1);
    rvq_encode(&c->q, v, n, out + IMAGE_HEADER);
    for (size_t i = 0; i < n * L; i++)
        out[IMAGE_HEADER + i] = (uint16_t)(out[IMAGE_HEADER + i] + i % L * c->q.size);
    free(v);
}

int image_decode(const struct image_codec *c, const uint16_t *codes, size_t n, struct picture *p, char *err,
                 size_t cap)
{
    size_t L = c->q.levels, dim = c->q.dim;
    *p = (struct picture){0};
    if (n < IMAGE_HEADER)
        return media_fail(err, cap, "%zu codes: not a picture", n);
    uint32_t w = codes[0] + 1u, h = codes[1] + 1u;
    if (n != image_n_codes(c, w, h))
        return media_fail(err, cap, "%u x %u pixels are %zu codes, not %zu", w, h, image_n_codes(c, w, h), n);
    for (size_t i = 0; i < n - IMAGE_HEADER; i++)
        if (codes[IMAGE_HEADER + i] / c->q.size != i % L)
            return media_fail(err, cap, "code %zu is %u, which is not of level %zu", i,
                              codes[IMAGE_HEADER + i], i % L);
    if (picture_alloc(p, w, h, err, cap) != 0)
        return -1;
    size_t wide = across(c->patch, w);
    uint16_t local[RVQ_MAX_LEVELS];
    int32_t *v = xmalloc(dim * sizeof *v);
    for (size_t i = 0; i < (n - IMAGE_HEADER) / L; i++) {
        for (size_t l = 0; l < L; l++)
            local[l] = (uint16_t)(codes[IMAGE_HEADER + i * L + l] - l * c->q.size);
        rvq_decode(&c->q, local, 1, v);
        write_patch(p, i % wide * c->patch, i / wide * c->patch, c->patch, v);
    }
    free(v);
    return 0;
}

double picture_difference(const struct picture *a, const struct picture *b)
{
    double sum = 0;
    for (size_t i = 0; i < (size_t)a->width * a->height * 3; i++) {
        double d = (double)a->rgb[i] - b->rgb[i];
        sum += d * d;
    }
    return sum;
}

double image_psnr(double difference, double n)
{
    return difference > 0 ? 10 * log10(255.0 * 255.0 * n / difference) : 99;
}
