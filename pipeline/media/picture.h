/*
 * picture.h - RGB pictures: from the bytes of a PNG, JPEG, PGM or PPM file, and to PNG or PPM
 *
 * Files are not trusted: sizes are checked against the limits below before
 * anything is allocated, and what ends early is refused, not filled up with grey.
 * No call prints or exits; err (cap bytes) gets the reason, without the file's name.
 */
#ifndef MEDIA_PICTURE_H
#define MEDIA_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    PICTURE_MAX_SIDE = 32768,      /* of a file */
    PICTURE_MAX_PIXELS = 64 << 20, /* of a file: 192 MiB as RGB */
};

struct picture {
    uint32_t width, height;
    uint8_t *rgb; /* (height, width, 3), sRGB; owned */
};

/* Kind by the first bytes. Transparent pixels are laid on white; 16 bits become 8. 0, or -1. */
int picture_parse(struct picture *p, const void *bytes, size_t len, char *err, size_t cap);
void picture_free(struct picture *p);
/* Whether a file of this name is taken for a picture in a directory: .png .jpg .jpeg .ppm .pgm, in either
 * case. */
bool picture_named(const char *path);
/* 0, or -1: f failed. png: else PPM. */
int picture_write(const struct picture *p, FILE *f, bool png);

/* The largest square in the middle. */
void picture_crop(struct picture *p);
/* Shrinks it, each pixel the mean of what it covers, until the longer side is at most `side`. Never enlarges.
 */
void picture_shrink(struct picture *p, uint32_t side);

/* One decoder each, called by picture_parse. */
int picture_png(struct picture *p, const void *bytes, size_t len, char *err, size_t cap);
int picture_jpeg(struct picture *p, const void *bytes, size_t len, char *err, size_t cap);
int picture_ppm(struct picture *p, const void *bytes, size_t len, char *err, size_t cap);
/* Checks width and height against the limits, allocates. 0, or -1. */
int picture_alloc(struct picture *p, uint64_t width, uint64_t height, char *err, size_t cap);
/* Fills err; returns -1. */
int media_fail(char *err, size_t cap, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
