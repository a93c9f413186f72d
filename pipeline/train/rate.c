#include "pipeline/train/rate.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <stdio.h>
#include <stdlib.h>

/* Sides of the square, multiples of 256: a GPU needs a large one to be busy, a few cores are busy with a
 * small one. */
enum { SIDE_GPU = 8192, SIDE_CPU = 768, CHUNK = 1 << 16, WARM_UP = 3, TIMED = 5 };

/* Numbers, not zeros: zeros multiply faster. n is a multiple of CHUNK. */
static void fill(const struct ops *o, struct device *dev, enum dtype act, void *p, const float *numbers,
                 size_t n)
{
    for (size_t i = 0; i < n; i += CHUNK)
        o->to_act(dev, (char *)p + i * dtype_bytes(act), numbers, CHUNK);
}

static float *some_numbers(const struct ops *o, struct device *dev)
{
    float *host = xmalloc(CHUNK * sizeof *host), *there = o->alloc(dev, CHUNK * sizeof *there);
    uint32_t x = 1;
    for (size_t i = 0; i < CHUNK; i++) {
        x = x * 1664525u + 1013904223u; /* Numerical Recipes' generator */
        host[i] = (float)(x >> 8) * 0x1p-24f - 0.5f;
    }
    if (there)
        o->upload(dev, there, host, CHUNK * sizeof *host);
    free(host);
    return there;
}

/* The shortest of a few: what disturbs only ever takes longer. */
static double product_seconds(const struct ops *o, struct device *dev, void *y, const void *x, const void *w,
                              int side)
{
    double best = 0;
    for (int i = 0; i < WARM_UP + TIMED; i++) {
        double began = now_seconds();
        o->linear_forward(dev, y, x, w, side, side, side);
        o->sync(dev);
        double took = now_seconds() - began;
        if (i >= WARM_UP && (best == 0 || took < best))
            best = took;
    }
    return best;
}

void rate_measure(struct rate *r, const struct ops *o, struct device *dev, enum dtype act)
{
    size_t memory, side, n;
    o->memory(dev, &memory);
    side = memory ? SIDE_GPU : SIDE_CPU;
    n = side * side;
    *r = (struct rate){.nominal = o->nominal_flops(dev)};
    if (o == ops_reference()) /* it would take seconds, and nobody asks how fast plain loops are */
        return;
    void *x = o->alloc(dev, n * dtype_bytes(act)), *w = o->alloc(dev, n * dtype_bytes(act));
    void *y = o->alloc(dev, n * dtype_bytes(act));
    float *numbers = some_numbers(o, dev);
    if (x && w && y && numbers) {
        fill(o, dev, act, x, numbers, n);
        fill(o, dev, act, w, numbers, n);
        double seconds = product_seconds(o, dev, y, x, w, (int)side);
        if (o->error(dev))
            die("%s: measuring its rate: %s", o->name, o->error(dev));
        r->measured = seconds > 0 ? 2.0 * (double)n * (double)side / seconds : 0;
    }
    o->free(dev, x);
    o->free(dev, w);
    o->free(dev, y);
    o->free(dev, numbers);
}

void rate_text(char *out, size_t cap, const struct rate *r, double flops)
{
    int n = 0;
    out[0] = 0;
    if (r->measured > 0)
        n = snprintf(out, cap, ", MFU %.1f %% of %.2f TFLOP/s measured", 100 * flops / r->measured,
                     r->measured / 1e12);
    if (r->nominal > 0 && n >= 0 && (size_t)n < cap)
        snprintf(out + n, cap - (size_t)n, "%s %.1f %% of %.0f nominal", n ? "," : ", MFU",
                 100 * flops / r->nominal, r->nominal / 1e12);
}
