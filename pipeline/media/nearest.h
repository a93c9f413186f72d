/*
 * nearest.h - finds the nearest of many vectors, exactly, in whole numbers
 *
 *   ix = nearest_new(codes, K, D)
 *   nearest_find(ix, points, n, m, code, score)
 *
 * All arithmetic is on 16-bit integers with 32-bit sums that cannot overflow, so the result is equal on every
 * machine and with any number of threads: the ids of a picture do not depend on where it is encoded.
 *
 * Codes are within +-nearest_limit(D), points within twice that.
 */
#ifndef MEDIA_NEAREST_H
#define MEDIA_NEAREST_H

#include <stddef.h>
#include <stdint.h>

enum { NEAREST_MAX_DIM = 1024, NEAREST_MAX_BEST = 8 };

/* Largest magnitude of a code's component: 5 D limit^2 stays below 2^31. */
int nearest_limit(size_t D);

struct nearest;
/* codes (K,D) row-major, copied. 1 <= D <= NEAREST_MAX_DIM. */
struct nearest *nearest_new(const int16_t *codes, size_t K, size_t D);
void nearest_free(struct nearest *ix); /* NULL is fine */

/* For each point (n,D) finds the m <= NEAREST_MAX_BEST nearest codes, nearest first and, among equals, the
 * lower code first; when there are fewer than m codes, the rest is UINT32_MAX. code (n,m); score (n,m): |c|^2
 * - 2 c.x, which is the squared distance minus |x|^2. Thread-safe. */
void nearest_find(const struct nearest *ix, const int16_t *points, size_t n, size_t m, uint32_t *code,
                  int32_t *score);

/* For tests: use only the plain loop (true), or the fastest that the machine supports (false, the default).
 */
void nearest_plain(int plain);

#endif
