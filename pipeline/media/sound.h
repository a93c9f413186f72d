/*
 * sound.h - sounds: from the bytes of a WAV or FLAC file, to WAV
 *
 * Files are not trusted: sizes are checked against the limits and against the length of the file. No call
 * prints or exits; err (cap bytes) gets the reason, without the file's name.
 */
#ifndef MEDIA_SOUND_H
#define MEDIA_SOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    SOUND_MAX_SECONDS = 3600,
    SOUND_MIN_RATE = 1000,
    SOUND_MAX_RATE = 384000,
    SOUND_MAX_CHANNELS = 64,
};

struct sound {
    uint32_t rate; /* samples a second */
    size_t n;
    float *x; /* full scale is +-1; owned */
};

/* Reads one channel (the mean of all), resampled to `rate`. Returns 0 or -1. */
int sound_parse(struct sound *s, const void *bytes, size_t len, uint32_t rate, char *err, size_t cap);
void sound_free(struct sound *s);
bool sound_named(const char *path); /* .wav .flac */
/* Writes a 16-bit WAV; n is at most SOUND_MAX_SECONDS of samples. Returns 0, or -1: writing to f failed. */
int sound_write(const struct sound *s, FILE *f);

/* Changes the rate by a windowed sinc filter, without aliasing. Replaces x. */
void sound_resample(struct sound *s, uint32_t rate);

#endif
