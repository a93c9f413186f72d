/*
 * extrapolate.c - the ops over spans and groups, a launch for each span
 */
#include "kernels/cuda/directions.h"
#include "kernels/cuda/device.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { VECTORS = OPS_DIRECTIONS + 1, PRODUCTS = VECTORS * (VECTORS + 1) / 2 };

static void *at(const struct device *dev, const void *p, size_t offset)
{
    return p ? (char *)(uintptr_t)p + offset * dtype_bytes(dev->act) : NULL;
}

/* The directions from the start of the span on, with its group's coefficients (c NULL: none). */
static struct directions directions_at(const struct device *dev, const void *const *D, int k, const float *c,
                                       const struct span *span)
{
    struct directions d = {.k = k};
    assert(k <= OPS_DIRECTIONS);
    for (int j = 0; j < k; j++) {
        d.D[j] = at(dev, D[j], span->offset);
        d.c[j] = c ? c[span->group * k + j] : 0;
    }
    return d;
}

void cuda_ops_ema_step(struct device *dev, float *theta, void *work, float *mean, size_t n, float keep,
                       float ahead)
{
    cuda_ema_step(dev->stream, dev->act, theta, work == theta ? NULL : work, mean, n, keep, ahead);
}

void cuda_ops_combine(struct device *dev, float *y, void *work, const float *x, const void *const *D, int k,
                      const float *c, const struct span *spans, int n_spans)
{
    for (const struct span *s = spans; s < spans + n_spans; s++)
        cuda_combine(dev->stream, dev->act, y + s->offset, work == y ? NULL : at(dev, work, s->offset),
                     x + s->offset, directions_at(dev, D, k, c, s), s->n);
}

void cuda_ops_direction(struct device *dev, void *d, float keep, float gain, const float *a, const float *b,
                        const void *const *D, int k, const float *c, const struct span *spans, int n_spans)
{
    for (const struct span *s = spans; s < spans + n_spans; s++)
        cuda_direction(dev->stream, dev->act, at(dev, d, s->offset), keep, gain, a + s->offset, b + s->offset,
                       directions_at(dev, D, k, c, s), s->n);
}

static size_t gram_scratch(const struct span *spans, int n_spans)
{
    size_t most = cuda_gram_scratch(0);
    for (const struct span *s = spans; s < spans + n_spans; s++)
        most = cuda_gram_scratch(s->n) > most ? cuda_gram_scratch(s->n) : most;
    return most;
}

/* Handles one group after the other: the sums of its spans are added on the device, then downloaded. */
void cuda_ops_gram(struct device *dev, double *out, const void *const *D, int k, const float *a,
                   const float *b, const struct span *spans, int n_spans, int n_groups)
{
    double sums[PRODUCTS];
    void *scratch = cuda_device_scratch(dev, gram_scratch(spans, n_spans));
    if (!scratch) {
        for (int i = 0; i < n_groups * (k + 1) * (k + 1); i++)
            out[i] = NAN;
        return;
    }
    for (int g = 0; g < n_groups; g++) {
        cuda_zero(dev, dev->result, sizeof sums);
        for (const struct span *s = spans; s < spans + n_spans; s++)
            if (s->group == g)
                cuda_gram(dev->stream, dev->act, dev->result, a + s->offset, b ? b + s->offset : NULL,
                          directions_at(dev, D, k, NULL, s), s->n, scratch);
        cuda_download(dev, sums, dev->result, sizeof sums);
        double *m = out + (size_t)g * (size_t)(k + 1) * (size_t)(k + 1);
        for (int p = 0; p <= k; p++)
            for (int q = 0; q <= p; q++)
                m[p * (k + 1) + q] = m[q * (k + 1) + p] = sums[p * (p + 1) / 2 + q];
    }
}
