/*
 * modality.h - describes a kind of media to `tokenize`: one struct for pictures, one for sounds
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
    /* These are used when a file is prepared for encoding. */
    uint64_t side; /* pictures: the longer side is at most this; 0: IMAGE_MAX_SIDE */
    bool crop;     /* pictures: crop to a square first */
    /* These are used when a codebook is learned. */
    uint64_t patch, levels, rate, hop, samples, seed;
    int threads;
};

struct code_list { /* v is owned */
    uint16_t *v;
    size_t n;
};

struct quality {          /* sums over documents */
    double error, signal; /* sums of squares */
    double n, distance;   /* n: samples compared; distance: spectral distance, summed over `frames` */
    double frames;
};

struct modality {
    const char *name; /* "image": in the option, in the codebook, and in <|image|>, <|/image|>, <|image_0|> */
    const char *codes_field;    /* name of the array of codes in JSON documents */
    uint32_t n_codes, n_levels; /* n_levels: arrays in an array of codes; 1: the codes stand in rows */
    const char *extension;      /* ending of decoded files that are written to a directory */

    bool (*named)(const char *path);                        /* which files of a directory are read */
    void *(*load)(const char *path, char *err, size_t cap); /* NULL on failure, err names the file */
    void (*free)(void *codec);
    /* Encodes the bytes of a file. quality: NULL, or the decoded codes are compared with the original and the
     * result is added. Returns 0 or -1. */
    int (*encode)(const void *codec, const struct media_opts *o, const void *bytes, size_t len,
                  struct code_list *out, struct quality *quality, char *err, size_t cap);
    /* Writes a file whose kind depends on the name path. Returns 0, or -1 with the reason. */
    int (*decode)(const void *codec, const uint16_t *codes, size_t n, FILE *f, const char *path, char *err,
                  size_t cap);
    void (*describe)(const struct quality *q, char *out, size_t cap);

    /* Learning: a file's bytes become vectors for the reservoir, whose records have record_bytes; a codebook
     * is then learned from them. */
    int (*check)(struct media_opts *o, char *err, size_t cap); /* sets defaults; -1: misuse */
    size_t (*record_bytes)(const struct media_opts *o);
    int (*sample)(const struct media_opts *o, const void *bytes, size_t len, void **records, size_t *n,
                  char *err, size_t cap);
    void *(*train)(const struct media_opts *o, void *records, size_t n);
    int (*save)(const void *codec, FILE *f);
};

extern const struct modality modality_image, modality_audio;
const struct modality *modality_find(const char *name); /* NULL: there is no such modality */

#endif
