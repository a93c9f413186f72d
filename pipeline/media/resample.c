/*
 * resample.c - changes the sampling rate: a sinc of ZEROS zero crossings a side under a Hann window
 *
 *   y[i] = sum_j x[j] h(i * from / to - j),  h low-passed at the lower of the two Nyquist frequencies
 *
 * There are to / gcd different positions between samples, which come round in the same order; the filter for
 * each is computed once, as far as the sound is long enough to need it.
 */
#include <math.h>
#include <stdlib.h>

#include "pipeline/lib/fs.h"
#include "pipeline/media/sound.h"

enum { ZEROS = 24 };

static uint32_t gcd(uint32_t a, uint32_t b)
{
    while (b) {
        uint32_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

/* Makes the filter for a position `phase` (0 .. 1) after sample 0, with taps for samples -half + 1 .. half.
 */
static void make_filter(float *h, size_t half, double phase, double cutoff)
{
    double sum = 0;
    for (size_t k = 0; k < 2 * half; k++) {
        double t = phase - ((double)k - (double)half + 1), u = t * cutoff;
        double sinc = u == 0 ? 1 : sin(M_PI * u) / (M_PI * u);
        double window = fabs(u) < ZEROS ? 0.5 + 0.5 * cos(M_PI * u / ZEROS) : 0;
        h[k] = (float)(sinc * window * cutoff);
        sum += h[k];
    }
    for (size_t k = 0; k < 2 * half; k++)
        h[k] = (float)(h[k] / sum); /* a constant signal stays constant */
}

void sound_resample(struct sound *s, uint32_t rate)
{
    if (s->rate == rate || s->n == 0)
        return;
    uint32_t common = gcd(s->rate, rate), up = rate / common, down = s->rate / common;
    double cutoff = rate < s->rate ? (double)rate / s->rate : 1;
    size_t half = (size_t)ceil(ZEROS / cutoff) + 1, n = (size_t)((uint64_t)s->n * up / down);
    n = n ? n : 1;
    size_t n_filters = n < up ? n : up;
    float *filters = xmalloc(n_filters * 2 * half * sizeof *filters), *y = xmalloc(n * sizeof *y);
    for (size_t i = 0; i < n_filters; i++)
        make_filter(filters + i * 2 * half, half, (double)((uint64_t)i * down % up) / up, cutoff);
    for (size_t i = 0; i < n; i++) {
        uint64_t at = (uint64_t)i * down;
        const float *h = filters + i % up * 2 * half;
        int64_t first = (int64_t)(at / up) - (int64_t)half + 1;
        size_t k = first < 0 ? (size_t)-first : 0;
        float sum = 0;
        for (; k < 2 * half && first + (int64_t)k < (int64_t)s->n; k++)
            sum += h[k] * s->x[first + (int64_t)k];
        y[i] = sum;
    }
    free(filters);
    free(s->x);
    *s = (struct sound){rate, n, y};
}
