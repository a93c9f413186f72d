#include "pipeline/train/hybrid/rssm/adam.h"

#include <math.h>

double adam_norm(const float *g, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)g[i] * (double)g[i];
    return sqrt(sum);
}

void adam_update(const struct rssm_config *c, float *w, float *m, float *v, const float *g, size_t n,
                 uint64_t t, float scale)
{
    float b1 = c->beta1, b2 = c->beta2;
    float step = (float)((double)c->lr / (1 - pow((double)b1, (double)t)));
    float debias = (float)(1 / (1 - pow((double)b2, (double)t)));
    for (size_t i = 0; i < n; i++) {
        float d = scale * g[i];
        m[i] += (1 - b1) * (d - m[i]);
        v[i] += (1 - b2) * (d * d - v[i]);
        w[i] -= step * m[i] / (sqrtf(v[i] * debias) + c->eps);
    }
}
