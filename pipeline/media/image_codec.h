/*
 * image_codec.h - encodes a picture as codes and decodes it: pipeline/media/image.md
 *
 * The picture is cut into patches of P x P pixels (edges repeat the last pixel). A patch is a vector: P^2
 * luma samples, then P^2 / 4 each of the two colour differences (half the resolution), scaled so that the
 * distance of two vectors equals the distance of their RGB pixels. Residual vector quantisation gives L codes
 * for it; level l uses codes l * 8192 / L and up, so a code tells its level. All arithmetic is in whole
 * numbers, so every machine computes equal codes.
 */
#ifndef MEDIA_IMAGE_CODEC_H
#define MEDIA_IMAGE_CODEC_H

#include "pipeline/media/picture.h"
#include "pipeline/media/rvq.h"

enum {
    IMAGE_N_CODES = 8192,
    IMAGE_HEADER = 2,      /* width - 1 and height - 1, which come before the codes of the patches */
    IMAGE_MAX_SIDE = 8192, /* the largest side that the header can represent */
};

struct image_codec {
    size_t patch; /* 4, 8 or 16 */
    struct rvq q; /* dim patch^2 * 3 / 2; levels 1, 2, 4 or 8; size 8192 / levels */
};

size_t image_dim(size_t patch);
size_t image_patches(size_t patch, uint32_t width, uint32_t height);
/* Returns the vectors (image_patches, image_dim) of the patches, row by row; malloc'd. */
int16_t *image_vectors(const struct picture *p, size_t patch);

/* Number of codes of a picture of this size, header included. */
size_t image_n_codes(const struct image_codec *c, uint32_t width, uint32_t height);
/* out: image_n_codes(...) codes; sides are at most IMAGE_MAX_SIDE. */
void image_encode(const struct image_codec *c, const struct picture *p, uint16_t *out);
/* Returns 0, or -1 with the reason: a header that does not fit the number of codes, or a code of the wrong
 * level. */
int image_decode(const struct image_codec *c, const uint16_t *codes, size_t n, struct picture *p, char *err,
                 size_t cap);

/* Returns the sum of squared differences of all samples of two pictures of equal size. */
double picture_difference(const struct picture *a, const struct picture *b);
/* Returns the PSNR in dB for peak 255, where difference is summed over n samples; 99 when there is no
 * difference. */
double image_psnr(double difference, double n);

#endif
