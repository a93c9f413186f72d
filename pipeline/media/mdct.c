/*
 * mdct.c - windowed frames are folded to N numbers, then a DCT-IV by its matrix: N^2 multiplications a frame
 */
#include "pipeline/media/mdct.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/fs.h"

struct mdct {
    size_t N;
    float *window; /* (2N) */
    float *matrix; /* (N,N), symmetric: sqrt(2/N) cos(pi/N (n + 1/2)(k + 1/2)) */
};

struct mdct *mdct_new(size_t N)
{
    struct mdct *m = xcalloc(1, sizeof *m);
    m->N = N;
    m->window = xmalloc(2 * N * sizeof *m->window);
    m->matrix = xmalloc(N * N * sizeof *m->matrix);
    for (size_t i = 0; i < 2 * N; i++)
        m->window[i] = (float)sin(M_PI * ((double)i + 0.5) / (2.0 * (double)N));
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < N; k++)
            m->matrix[i * N + k] = (float)(sqrt(2.0 / (double)N) *
                                           cos(M_PI / (double)N * ((double)i + 0.5) * ((double)k + 0.5)));
    return m;
}

void mdct_free(struct mdct *m)
{
    if (!m)
        return;
    free(m->window);
    free(m->matrix);
    free(m);
}

size_t mdct_frames(size_t N, size_t n)
{
    return (n + N - 1) / N + 1;
}

static void dct4(const struct mdct *m, const float *restrict in, float *restrict out)
{
    size_t N = m->N;
    memset(out, 0, N * sizeof *out);
    for (size_t i = 0; i < N; i++) {
        const float *restrict row = m->matrix + i * N;
#pragma omp simd
        for (size_t k = 0; k < N; k++)
            out[k] += in[i] * row[k];
    }
}

void mdct_forward(const struct mdct *m, const float *x, size_t n, float *out)
{
    size_t N = m->N, h = N / 2, frames = mdct_frames(N, n);
    float *w = xmalloc(2 * N * sizeof *w), *folded = xmalloc(N * sizeof *folded);
    for (size_t f = 0; f < frames; f++) {
        for (size_t i = 0; i < 2 * N; i++) {
            size_t at = f * N + i; /* N samples of silence come before the first */
            w[i] = at >= N && at - N < n ? x[at - N] * m->window[i] : 0;
        }
        for (size_t i = 0; i < h; i++) { /* the quarters a b c d of a frame become (-c_r - d, a - b_r) */
            folded[i] = -w[3 * h - 1 - i] - w[3 * h + i];
            folded[h + i] = w[i] - w[N - 1 - i];
        }
        dct4(m, folded, out + f * N);
    }
    free(w);
    free(folded);
}

void mdct_inverse(const struct mdct *m, const float *in, size_t frames, float *x, size_t n)
{
    size_t N = m->N, h = N / 2;
    float *y = xmalloc(N * sizeof *y);
    memset(x, 0, n * sizeof *x);
    for (size_t f = 0; f < frames; f++) {
        dct4(m, in + f * N, y);
        for (size_t i = 0; i < 2 * N; i++) {
            size_t at = f * N + i;
            if (at < N || at - N >= n)
                continue;
            float v = i < h ? y[h + i] : i < 3 * h ? -y[3 * h - 1 - i] : -y[i - 3 * h];
            x[at - N] += v * m->window[i];
        }
    }
    free(y);
}
