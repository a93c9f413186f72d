/*
 * whiten.h - numbers of any scale brought to mean 0 and deviation 1, by running estimates
 */
#ifndef RSSM_WHITEN_H
#define RSSM_WHITEN_H

#include <stddef.h>
#include <stdint.h>

#define WHITEN_LIMIT 5.0f /* deviations: an outlier must not drown the rest (guess) */

/* mean, var: (n), of `seen` samples before this one; exact averages until 1/seen falls below rate, then
 * exponential. */
void whiten_update(float *mean, float *var, const float *x, size_t n, uint64_t seen, float rate);
/* y: (n). What has never varied becomes 0. */
void whiten_apply(float *y, const float *x, const float *mean, const float *var, size_t n);

#endif
