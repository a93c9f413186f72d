/*
 * mdct.h - the modified discrete cosine transform: overlapping frames, N numbers for N new samples,
 * invertible
 *
 *   X[k] = sqrt(2/N) sum_{n<2N} w[n] x[n] cos(pi/N (n + 1/2 + N/2) (k + 1/2)),  w[n] = sin(pi (n + 1/2) / 2N)
 *
 * Frame f covers samples (f - 1) N ... (f + 1) N; samples before the first and after the last count as
 * silence. n samples have mdct_frames(N, n) frames. Source: Princen, Johnson & Bradley 1987.
 */
#ifndef MEDIA_MDCT_H
#define MEDIA_MDCT_H

#include <stddef.h>

struct mdct;
struct mdct *mdct_new(size_t N);        /* N must be even */
void mdct_free(struct mdct *m);         /* NULL is fine */
size_t mdct_frames(size_t N, size_t n); /* ceil(n / N) + 1 */
/* Transforms x (n) to out (frames, N). */
void mdct_forward(const struct mdct *m, const float *x, size_t n, float *out);
/* Transforms in (frames, N) back to x (n), n <= (frames - 1) N. */
void mdct_inverse(const struct mdct *m, const float *in, size_t frames, float *x, size_t n);

#endif
