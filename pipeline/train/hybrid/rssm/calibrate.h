/*
 * calibrate.h - probabilities corrected by outcomes: Platt scaling
 *
 *   P = sigmoid(A logit(raw) + B), A >= 0
 * A and B maximise the likelihood of the outcomes times a normal prior around A = 1, B = 0, which says that
 * raw is right. Source: Platt 1999, "Probabilistic outputs for support vector machines"; Newton's method in
 * place of his trust region.
 */
#ifndef RSSM_CALIBRATE_H
#define RSSM_CALIBRATE_H

#include <stddef.h>

struct calibration {
    double slope, offset; /* A, B */
};

/* raw: (n) within 0..1; gained: (n) 0 or 1. prior: its precision. n = 0 gives A = 1, B = 0. */
struct calibration calibrate_fit(const float *raw, const float *gained, size_t n, double prior);
float calibrate_apply(const struct calibration *c, float raw);

#endif
