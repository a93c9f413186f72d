/*
 * picture.h - RGB pictures: from the bytes of a PNG, JPEG, PGM or PPM file, and to PNG or PPM
 *
 * Files are not trusted: sizes are checked against the limits below before anything is allocated, and
 * truncated files are refused, not filled up with grey. No call prints or exits; err (cap bytes) gets the
 * reason, without the file's name.
 */
#ifndef MEDIA_PICTURE_H
#define MEDIA_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    PICTURE_MAX_SIDE = 32768,      /* limit for a file */
    PICTURE_MAX_PIXELS = 64 << 20, /* limit for a file: 192 MiB as RGB */
};

struct picture {
    uint32_t width, height;
    uint8_t *rgb; /* (height, width, 3), sRGB; owned */
};

/* Detects the format from the first bytes. Transparent pixels are put on white; 16-bit samples become 8-bit.
 * Returns 0 or -1. */
int picture_parse(struct picture *p, const void *bytes, size_t len, char *err, size_t cap);
void picture_free(struct picture *p);
/* Whether a file of this name in a directory counts as a picture: .png .jpg .jpeg .ppm .pgm, in upper or
 * lower case. */
bool picture_named(const char *path);
/* Writes PNG, or PPM when png is false. Returns 0, or -1: writing to f failed. */
int picture_write(const struct picture *p, FILE *f, bool png);

/* Crops to the largest square in the middle. */
void picture_crop(struct picture *p);
/* Shrinks the picture until the longer side is at most `side`; each pixel becomes the mean of the area that
 * it covers. Never enlarges. */
void picture_shrink(struct picture *p, uint32_t side);

/* The decoders of the formats, called by picture_parse. */
int picture_png(struct picture *p, const void *bytes, size_t len, char *err, size_t cap);
int picture_jpeg(struct picture *p, const void *bytes, size_t len, char *err, size_t cap);
int picture_ppm(struct picture *p, const void *bytes, size_t len, char *err, size_t cap);
/* Checks width and height against the limits and allocates the pixels. Returns 0 or -1. */
int picture_alloc(struct picture *p, uint64_t width, uint64_t height, char *err, size_t cap);
/* Fills err; returns -1. */
int media_fail(char *err, size_t cap, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
