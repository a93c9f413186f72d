/*
 * audio_codec.h - encodes a sound as codes and decodes it: pipeline/media/audio.md
 *
 * Each frame of the MDCT gets AUDIO_LEVELS codes. The first two levels tell how loud each of AUDIO_BANDS
 * bands is (residual quantisation of the logarithms), the others are residual quantisation of the
 * coefficients, divided by the loudness of the loudest band. Energy of a band that the codes leave out is
 * partly replaced by noise, and a band that came out too loud is turned down.
 */
#ifndef MEDIA_AUDIO_CODEC_H
#define MEDIA_AUDIO_CODEC_H

#include "pipeline/media/mdct.h"
#include "pipeline/media/rvq.h"
#include "pipeline/media/sound.h"

enum {
    AUDIO_LEVELS = 8,
    AUDIO_ENVELOPE_LEVELS = 2,
    AUDIO_LEVEL_CODES = 1024,
    AUDIO_N_CODES = AUDIO_LEVELS * AUDIO_LEVEL_CODES,
    AUDIO_HEADER = 1, /* codes before the frames: (samples - 1) mod hop */
    AUDIO_BANDS = 20,
    AUDIO_MIN_HOP = 64,
    AUDIO_MAX_HOP = 512,
};

struct audio_codec {
    uint32_t rate;
    size_t hop;                   /* samples a frame, even */
    size_t band[AUDIO_BANDS + 1]; /* first coefficient of each band */
    struct rvq envelope;          /* dim AUDIO_BANDS, 2 levels */
    struct rvq shape;             /* dim hop, 6 levels */
    struct mdct *mdct;
};

/* Sets up bands and transform; the codes must then be learned or read. */
void audio_init(struct audio_codec *c, uint32_t rate, size_t hop);
void audio_free(struct audio_codec *c);

/* frame: hop coefficients. out: AUDIO_BANDS. */
void audio_envelope(const struct audio_codec *c, const float *frame, int16_t *out);
/* envelope: as it is decoded. out: hop components. */
void audio_shape(const struct audio_codec *c, const float *frame, const int32_t *envelope, int16_t *out);

size_t audio_n_codes(const struct audio_codec *c, size_t n_samples);
/* out: audio_n_codes(...) codes below AUDIO_N_CODES: level * 1024 + code. s has the codec's rate, n >= 1. */
void audio_encode(const struct audio_codec *c, const struct sound *s, uint16_t *out);
/* Returns 0, or -1 with the reason. */
int audio_decode(const struct audio_codec *c, const uint16_t *codes, size_t n, struct sound *s, char *err,
                 size_t cap);

/* The distance of two sounds of equal length and rate: over frames of 512 samples, every 256 samples, the
 * r.m.s. difference in dB of the energies in 40 mel bands. Returns the sum over frames, and their number in
 * *frames. Energies below -80 dB of full scale count as -80 dB. */
double sound_distance(const struct sound *a, const struct sound *b, size_t *frames);

#endif
