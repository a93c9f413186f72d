/*
 * real.h - the number type of the network: float in the library, double where a test checks derivatives
 *
 * A test defines RSSM_REAL and compiles the same sources, since finite differences in float would hide small
 * errors.
 */
#ifndef RSSM_REAL_H
#define RSSM_REAL_H

#include <math.h>

#ifndef RSSM_REAL
#define RSSM_REAL float
#endif
typedef RSSM_REAL real;

static inline real real_exp(real x)
{
    return sizeof(real) == sizeof(float) ? (real)expf((float)x) : (real)exp((double)x);
}

static inline real real_log(real x)
{
    return sizeof(real) == sizeof(float) ? (real)logf((float)x) : (real)log((double)x);
}

static inline real real_log1p(real x)
{
    return sizeof(real) == sizeof(float) ? (real)log1pf((float)x) : (real)log1p((double)x);
}

static inline real real_tanh(real x)
{
    return sizeof(real) == sizeof(float) ? (real)tanhf((float)x) : (real)tanh((double)x);
}

static inline real real_sigmoid(real x)
{
    return 1 / (1 + real_exp(-x));
}

#endif
