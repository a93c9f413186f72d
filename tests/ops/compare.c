/*
 * compare.c - one value with another, and gradients with central differences
 */
#include "tests/ops/ops.h"
#include "tests/random.h"

enum { SAMPLES = 24 };

uint64_t choices;
unsigned long checked;

/* Rounds to nearest even by asking which neighbour is closer, unlike the kernels. */
uint16_t narrow(float f)
{
    uint32_t u;
    memcpy(&u, &f, 4);
    uint16_t down = u >> 16;
    double below_it = fabs((double)f - widen(down)), above_it = fabs((double)widen(down + 1) - f);
    return below_it < above_it || (below_it == above_it && !(down & 1)) ? down : down + 1;
}

void same(const char *what, size_t i, double got, double want, double scale)
{
    double relative = act == DTYPE_BF16 ? 0x1p-8 : 4e-6;
    double bound = relative * fabs(want) + (act == DTYPE_BF16 ? 4e-5 : 1e-5) * scale;
    if (against != FORMULAS)
        return;
    checked++;
    CHECK(fabs(got - want) <= bound, "%s %s, shape %s, %s: %s[%zu] is %.9g, want %.9g", ops->name,
          act == DTYPE_BF16 ? "bf16" : "f32", shape->name, op, what, i, got, want);
}

size_t sample_count(size_t n)
{
    return against != FORMULAS ? 0 : n <= 4096 ? n : 1500;
}

size_t sample(size_t n, size_t k)
{
    return n <= 4096 ? k : random_next(&choices) % n;
}

void check_gradient(const struct gradient *d)
{
    double want[4096], scale = 0;
    size_t at[4096], count = d->n <= 2 * SAMPLES ? d->n : SAMPLES;
    if (against != FORMULAS)
        return;
    for (size_t k = 0; k < count; k++) {
        size_t i = count == d->n ? k : (size_t)(random_next(&choices) % d->n),
               g = i / d->row * d->stride + i % d->row;
        double keep = d->x[g], h = 1e-4;
        d->x[g] = keep + h;
        double up = d->loss(d->ctx, i);
        d->x[g] = keep - h;
        double down = d->loss(d->ctx, i);
        d->x[g] = keep;
        at[k] = g;
        want[k] = (up - down) / (2 * h);
        scale = fabs(want[k]) > scale ? fabs(want[k]) : scale;
    }
    for (size_t k = 0; k < count; k++) {
        size_t g = d->offset + at[k];
        same(d->what, g, d->got->v[g], want[k] + (d->before ? d->before[g] : 0), d->slack * scale + 1e-3);
    }
}
