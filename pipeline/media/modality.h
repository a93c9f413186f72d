/*
 * modality.h - what `tokenize` needs to know of a kind of media: one struct for pictures, one for sounds
 *
 * No call here prints; err (cap bytes) gets a reason, without the file's name.
 */
#ifndef MEDIA_MODALITY_H
#define MEDIA_MODALITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct media_opts {
    /* preparing */
    uint64_t side; /* pictures: the longer side is at most this; 0: IMAGE_MAX_SIDE */
    bool crop;     /* pictures: to a square first */
    /* learning */
    uint64_t patch, levels, rate, hop, samples, seed;
    int threads;
};

struct code_list { /* owned */
    uint16_t *v;
    size_t n;
};

struct quality {          /* sums over documents */
    double error, signal; /* of squares */
    double n, distance;   /* samples compared; spectral distance, summed over `frames` */
    double frames;
};

struct modality {
    const char *name; /* "image": of the option, the codebook, and <|image|>, <|/image|>, <|image_0|> */
    const char *codes_field;    /* in JSON documents */
    uint32_t n_codes, n_levels; /* of arrays of arrays; 1: their rows just follow each other */
    const char *extension;      /* of decoded files in a directory */

    bool (*named)(const char *path);                        /* taken from directories */
    void *(*load)(const char *path, char *err, size_t cap); /* NULL on failure, err names the file */
    void (*free)(void *codec);
    /* A file's bytes to codes. quality: NULL, or what the codes give back is compared and added. 0, or -1. */
    int (*encode)(const void *codec, const struct media_opts *o, const void *bytes, size_t len,
                  struct code_list *out, struct quality *quality, char *err, size_t cap);
    /* Writes a file; path: by its name the kind is chosen. 0, or -1 with the reason. */
    int (*decode)(const void *codec, const uint16_t *codes, size_t n, FILE *f, const char *path, char *err,
                  size_t cap);
    void (*describe)(const struct quality *q, char *out, size_t cap);

    /* Learning: a file's bytes to vectors for the reservoir, whose records are of record_bytes; then a
     * codebook from them. */
    int (*check)(struct media_opts *o, char *err, size_t cap); /* sets defaults; -1: misuse */
    size_t (*record_bytes)(const struct media_opts *o);
    int (*sample)(const struct media_opts *o, const void *bytes, size_t len, void **records, size_t *n,
                  char *err, size_t cap);
    void *(*train)(const struct media_opts *o, void *records, size_t n);
    int (*save)(const void *codec, FILE *f);
};

extern const struct modality modality_image, modality_audio;
const struct modality *modality_find(const char *name); /* NULL: neither */

#endif
