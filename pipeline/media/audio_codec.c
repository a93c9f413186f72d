#include "pipeline/media/audio_codec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/fs.h"
#include "pipeline/media/picture.h"
#include "pipeline/lib/random.h"

enum {
    LOG_UNITS = 64,    /* units of the envelope in a factor of 2 in amplitude: 0.09 dB each */
    LOG_OFFSET = 6,    /* offset of the envelope: its zero is 2^-6 */
    LOG_FLOOR = -16,   /* coefficients of 2^-16 count as silence */
    SHAPE_UNITS = 128, /* units of the shape in a coefficient as loud as the mean of the loudest band */
};
static const double fill =
    0.4; /* amplitude of the noise as a share of what is missing; measured, see audio.md */

static double mel(double hz)
{
    return 2595 * log10(1 + hz / 700);
}

static double from_mel(double m)
{
    return 700 * (pow(10, m / 2595) - 1);
}

/* Divides the coefficients into bands that are equally wide on the mel scale, with at least two coefficients
 * each. */
static void make_bands(struct audio_codec *c)
{
    double top = mel(c->rate / 2.0);
    c->band[0] = 0;
    for (size_t b = 1; b <= AUDIO_BANDS; b++) {
        double hz = from_mel(top * (double)b / AUDIO_BANDS);
        size_t at = (size_t)(hz / (c->rate / 2.0) * (double)c->hop + 0.5);
        size_t least = c->band[b - 1] + 2, most = c->hop - 2 * (AUDIO_BANDS - b);
        c->band[b] = at < least ? least : at > most ? most : at;
    }
    c->band[AUDIO_BANDS] = c->hop;
}

void audio_init(struct audio_codec *c, uint32_t rate, size_t hop)
{
    *c = (struct audio_codec){.rate = rate, .hop = hop, .mdct = mdct_new(hop)};
    make_bands(c);
}

void audio_free(struct audio_codec *c)
{
    rvq_free(&c->envelope);
    rvq_free(&c->shape);
    mdct_free(c->mdct);
    *c = (struct audio_codec){0};
}

static int16_t limited(double v, int limit)
{
    return (int16_t)(v > limit ? limit : v < -limit ? -limit : lrint(v));
}

void audio_envelope(const struct audio_codec *c, const float *frame, int16_t *out)
{
    for (size_t b = 0; b < AUDIO_BANDS; b++) {
        double energy = 0;
        for (size_t k = c->band[b]; k < c->band[b + 1]; k++)
            energy += (double)frame[k] * frame[k];
        double level = 0.5 * log2(energy / (double)(c->band[b + 1] - c->band[b]) + exp2(2 * LOG_FLOOR));
        out[b] = limited((level + LOG_OFFSET) * LOG_UNITS, nearest_limit(AUDIO_BANDS));
    }
}

static double loudness(int32_t envelope)
{
    return exp2(envelope / (double)LOG_UNITS - LOG_OFFSET);
}

static double loudest(const int32_t *envelope)
{
    int32_t most = envelope[0];
    for (size_t b = 1; b < AUDIO_BANDS; b++)
        most = envelope[b] > most ? envelope[b] : most;
    return loudness(most);
}

void audio_shape(const struct audio_codec *c, const float *frame, const int32_t *envelope, int16_t *out)
{
    int limit = nearest_limit(c->hop);
    double scale = SHAPE_UNITS / loudest(envelope);
    for (size_t k = 0; k < c->hop; k++)
        out[k] = limited(scale * frame[k], limit);
}

size_t audio_n_codes(const struct audio_codec *c, size_t n_samples)
{
    return AUDIO_HEADER + mdct_frames(c->hop, n_samples) * AUDIO_LEVELS;
}

void audio_encode(const struct audio_codec *c, const struct sound *s, uint16_t *out)
{
    enum { E = AUDIO_ENVELOPE_LEVELS, S = AUDIO_LEVELS - E };
    size_t frames = mdct_frames(c->hop, s->n);
    float *coefficients = xmalloc(frames * c->hop * sizeof *coefficients);
    int16_t *shape = xmalloc(frames * c->hop * sizeof *shape);
    uint16_t *shape_codes = xmalloc(frames * S * sizeof *shape_codes);
    mdct_forward(c->mdct, s->x, s->n, coefficients);
    *out++ = (uint16_t)((s->n - 1) % c->hop);
    for (size_t f = 0; f < frames; f++) {
        int16_t envelope[AUDIO_BANDS];
        int32_t decoded[AUDIO_BANDS];
        audio_envelope(c, coefficients + f * c->hop, envelope);
        rvq_encode(&c->envelope, envelope, 1, out + f * AUDIO_LEVELS);
        rvq_decode(&c->envelope, out + f * AUDIO_LEVELS, 1, decoded);
        audio_shape(c, coefficients + f * c->hop, decoded, shape + f * c->hop);
    }
    rvq_encode(&c->shape, shape, frames, shape_codes);
    for (size_t f = 0; f < frames; f++) {
        memcpy(out + f * AUDIO_LEVELS + E, shape_codes + f * S, S * sizeof *out);
        for (size_t l = 1; l < AUDIO_LEVELS; l++)
            out[f * AUDIO_LEVELS + l] = (uint16_t)(out[f * AUDIO_LEVELS + l] + l * AUDIO_LEVEL_CODES);
    }
    free(coefficients);
    free(shape);
    free(shape_codes);
}

/* A number within +-1 that depends only on i, the number of the frame and coefficient. */
static double noise(uint64_t i)
{
    uint64_t z = random_next(&i);
    return (double)(int32_t)(z >> 32) / 2147483648.0;
}

static void decode_frame(const struct audio_codec *c, const uint16_t *codes, uint64_t f, int32_t *shape,
                         float *frame)
{
    int32_t envelope[AUDIO_BANDS];
    rvq_decode(&c->envelope, codes, 1, envelope);
    rvq_decode(&c->shape, codes + AUDIO_ENVELOPE_LEVELS, 1, shape);
    double scale = loudest(envelope) / SHAPE_UNITS;
    for (size_t b = 0; b < AUDIO_BANDS; b++) {
        size_t from = c->band[b], to = c->band[b + 1];
        double energy = 0, target = loudness(envelope[b]) * loudness(envelope[b]);
        for (size_t k = from; k < to; k++) {
            frame[k] = (float)(shape[k] * scale);
            energy += (double)frame[k] * frame[k] / (double)(to - from);
        }
        /* Uniform noise within +-1 has a third of the energy. A band that came out too loud is turned down to
         * its true loudness. */
        double amplitude = energy < target ? fill * sqrt(3 * (target - energy)) : 0;
        double gain = energy > target ? sqrt(target / energy) : 1;
        for (size_t k = from; k < to; k++)
            frame[k] = (float)(gain * frame[k] + amplitude * noise(f * c->hop + k));
    }
}

int audio_decode(const struct audio_codec *c, const uint16_t *codes, size_t n, struct sound *s, char *err,
                 size_t cap)
{
    *s = (struct sound){0};
    if (n < AUDIO_HEADER + 2 * AUDIO_LEVELS || (n - AUDIO_HEADER) % AUDIO_LEVELS != 0 || codes[0] >= c->hop)
        return media_fail(err, cap, "%zu codes that begin with %u: not a sound", n, n ? codes[0] : 0);
    size_t frames = (n - AUDIO_HEADER) / AUDIO_LEVELS;
    size_t samples = (frames - 2) * c->hop + codes[0] + 1;
    if (samples / c->rate > SOUND_MAX_SECONDS)
        return media_fail(err, cap, "more than %d seconds", SOUND_MAX_SECONDS);
    codes += AUDIO_HEADER;
    for (size_t i = 0; i < frames * AUDIO_LEVELS; i++)
        if (codes[i] / AUDIO_LEVEL_CODES != i % AUDIO_LEVELS)
            return media_fail(err, cap, "code %zu is %u, which is not of level %zu", i, codes[i],
                              i % AUDIO_LEVELS);
    float *coefficients = xmalloc(frames * c->hop * sizeof *coefficients);
    int32_t *shape = xmalloc(c->hop * sizeof *shape);
    for (size_t f = 0; f < frames; f++) {
        uint16_t local[AUDIO_LEVELS];
        for (size_t l = 0; l < AUDIO_LEVELS; l++)
            local[l] = codes[f * AUDIO_LEVELS + l] % AUDIO_LEVEL_CODES;
        decode_frame(c, local, f, shape, coefficients + f * c->hop);
    }
    *s = (struct sound){c->rate, samples, xmalloc(samples * sizeof(float))};
    mdct_inverse(c->mdct, coefficients, frames, s->x, samples);
    free(coefficients);
    free(shape);
    return 0;
}
