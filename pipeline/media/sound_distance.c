/*
 * sound_distance.c - the spectral distance of two sounds
 */
#include <complex.h>
#include <math.h>
#include <stdlib.h>

#include "pipeline/lib/fs.h"
#include "pipeline/media/audio_codec.h"

enum { FRAME = 512, STEP = 256, BANDS = 40 };

/* Transforms in place, radix 2; n is a power of two. */
static void fft(float complex *x, size_t n)
{
    for (size_t i = 1, j = 0; i < n; i++) {
        size_t bit = n >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j ^= bit;
        if (i < j) {
            float complex t = x[i];
            x[i] = x[j];
            x[j] = t;
        }
    }
    for (size_t len = 2; len <= n; len *= 2)
        for (size_t k = 0; k < len / 2; k++) {
            float complex w = cexpf((float)(-2 * M_PI * (double)k / (double)len) * I);
            for (size_t i = k; i < n; i += len) {
                float complex u = x[i], v = x[i + len / 2] * w;
                x[i] = u + v;
                x[i + len / 2] = u - v;
            }
        }
}

static double hz_of_mel(double m)
{
    return 700 * (pow(10, m / 2595) - 1);
}

/* Computes the level in dB of each band of the frame that begins at `at`; samples beyond the end count as
 * silence. */
static void band_levels(const struct sound *s, size_t at, double out[BANDS])
{
    float complex x[FRAME];
    double top = 2595 * log10(1 + s->rate / 2.0 / 700);
    for (size_t i = 0; i < FRAME; i++)
        x[i] = at + i < s->n ? s->x[at + i] * (float)(0.5 - 0.5 * cos(2 * M_PI * (double)i / FRAME)) : 0;
    fft(x, FRAME);
    for (size_t b = 0; b < BANDS; b++) {
        double scale = FRAME / (double)s->rate;
        size_t from = (size_t)(hz_of_mel(top * (double)b / BANDS) * scale);
        size_t to = (size_t)ceil(hz_of_mel(top * (double)(b + 1) / BANDS) * scale);
        double energy = 0;
        to = to < FRAME / 2 ? to : FRAME / 2;
        for (size_t k = from; k < to; k++)
            energy += crealf(x[k]) * crealf(x[k]) + cimagf(x[k]) * cimagf(x[k]);
        energy /= (double)(to - from) * FRAME * FRAME / 16; /* a sine of full scale has 0 dB */
        out[b] = 10 * log10(energy + 1e-8);
    }
}

double sound_distance(const struct sound *a, const struct sound *b, size_t *frames)
{
    double sum = 0;
    *frames = 0;
    for (size_t at = 0; at < a->n; at += STEP) {
        double x[BANDS], y[BANDS], d2 = 0;
        band_levels(a, at, x);
        band_levels(b, at, y);
        for (size_t k = 0; k < BANDS; k++)
            d2 += (x[k] - y[k]) * (x[k] - y[k]);
        sum += sqrt(d2 / BANDS);
        ++*frames;
    }
    return sum;
}
