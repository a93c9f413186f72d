#include "tools/campaign/interpolate.h"

#include <math.h>

enum reach cost_to_loss(const double *cost, const double *loss, size_t n, double target, double *at)
{
    size_t i = 0;
    *at = NAN;
    while (i < n && !(loss[i] <= target))
        i++;
    if (i == n)
        return REACH_NEVER;
    *at = cost[i];
    if (i == 0)
        return REACH_AT_MOST;
    if (isfinite(loss[i - 1])) {
        double share = (loss[i - 1] - target) / (loss[i - 1] - loss[i]);
        *at = exp(log(cost[i - 1]) + share * (log(cost[i]) - log(cost[i - 1])));
    }
    return REACH_BETWEEN;
}

/* Exact for 1 and 2; others by Cornish and Fisher's expansion about the normal quantile (error below 0.02 at
 * 3, 0.002 at 5). */
double student_975(size_t freedom)
{
    static const double z = 1.959963984540054;
    double v = (double)freedom, z2 = z * z;
    if (freedom == 0)
        return NAN;
    if (freedom == 1)
        return tan(M_PI * 0.475);
    if (freedom == 2)
        return 0.95 * sqrt(2 / (1 - 0.95 * 0.95));
    return z * (1 + (z2 + 1) / (4 * v) + ((5 * z2 + 16) * z2 + 3) / (96 * v * v) +
                (((3 * z2 + 19) * z2 + 17) * z2 - 15) / (384 * v * v * v) +
                ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) / (92160 * v * v * v * v));
}

struct interval interval_of(const double *x, size_t n)
{
    struct interval r = {.n = n, .mean = NAN, .low = NAN, .high = NAN};
    double sum = 0, squares = 0;
    if (n == 0)
        return r;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    r.mean = sum / (double)n;
    if (n == 1)
        return r;
    for (size_t i = 0; i < n; i++)
        squares += (x[i] - r.mean) * (x[i] - r.mean);
    double half = student_975(n - 1) * sqrt(squares / (double)(n - 1) / (double)n);
    r.low = r.mean - half;
    r.high = r.mean + half;
    return r;
}

struct interval interval_of_ratios(const double *ratio, size_t n)
{
    double logs[n > 0 ? n : 1];
    for (size_t i = 0; i < n; i++)
        logs[i] = log(ratio[i]);
    struct interval r = interval_of(logs, n);
    r.mean = exp(r.mean);
    r.low = exp(r.low);
    r.high = exp(r.high);
    return r;
}
