/*
 * image_codec.h - a picture as codes, and back: pipeline/media/image.md
 *
 * The picture is cut into patches of P x P pixels (edges repeat the last
 * pixel). A patch is a vector: P^2 luma samples, then P^2 / 4 each of the two
 * colour differences (half the resolution), scaled so that the distance of two
 * vectors is that of their RGB pixels. Residual vector quantisation gives L codes
 * for it; level l uses codes l * 8192 / L and up, so a code says its level.
 * All in whole numbers: the same codes on any machine.
 */
#ifndef MEDIA_IMAGE_CODEC_H
#define MEDIA_IMAGE_CODEC_H

#include "pipeline/media/picture.h"
#include "pipeline/media/rvq.h"

enum {
    IMAGE_N_CODES = 8192,
    IMAGE_HEADER = 2,      /* codes before those of the patches: width - 1, height - 1 */
    IMAGE_MAX_SIDE = 8192, /* as the header can say */
};

struct image_codec {
    size_t patch; /* 4, 8 or 16 */
    struct rvq q; /* dim patch^2 * 3 / 2; levels 1, 2, 4 or 8; size 8192 / levels */
};

size_t image_dim(size_t patch);
size_t image_patches(size_t patch, uint32_t width, uint32_t height);
/* The vectors (image_patches, image_dim), row by row of patches; malloc'd. */
int16_t *image_vectors(const struct picture *p, size_t patch);

/* Number of codes of a picture of this size, header included. */
size_t image_n_codes(const struct image_codec *c, uint32_t width, uint32_t height);
/* out: image_n_codes(...) codes; sides are at most IMAGE_MAX_SIDE. */
void image_encode(const struct image_codec *c, const struct picture *p, uint16_t *out);
/* 0, or -1 with the reason: a header that does not fit the number of codes, a code of another level. */
int image_decode(const struct image_codec *c, const uint16_t *codes, size_t n, struct picture *p, char *err,
                 size_t cap);

/* Sum of squared differences of all samples of two pictures of the same size. */
double picture_difference(const struct picture *a, const struct picture *b);
/* dB, peak 255; difference summed over n samples. 99 when there is none. */
double image_psnr(double difference, double n);

#endif
