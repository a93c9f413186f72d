#include "pipeline/train/hybrid/rssm/whiten.h"

#include <math.h>

void whiten_update(float *mean, float *var, const float *x, size_t n, uint64_t seen, float rate)
{
    double a = 1.0 / (double)(seen + 1);
    a = a < (double)rate ? (double)rate : a;
    for (size_t i = 0; i < n; i++) {
        double d = (double)x[i] - (double)mean[i];
        mean[i] = (float)((double)mean[i] + a * d);
        var[i] = (float)((1 - a) * ((double)var[i] + a * d * d));
    }
}

void whiten_apply(float *y, const float *x, const float *mean, const float *var, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float deviation =
            sqrtf(var[i]) + 1e-6f * fabsf(mean[i]) + 1e-20f; /* differences below rounding are none */
        float z = (x[i] - mean[i]) / deviation;
        y[i] = fminf(fmaxf(z, -WHITEN_LIMIT), WHITEN_LIMIT);
    }
}
