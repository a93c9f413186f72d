/*
 * product.c - the twin of ../cublaslt.c for tests: plain loops, sums in double
 */
#include "kernels/cuda/product.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tests/cuda/shim/graph.h"

struct products {
    int unused;
};

struct call {
    void *C;
    const void *A, *B;
    struct product d;
};

int products_find(char *why, size_t cap)
{
    (void)why;
    (void)cap;
    return 0;
}

struct products *products_open(const struct gpu *g, char *err, size_t cap)
{
    (void)g;
    (void)err;
    (void)cap;
    return calloc(1, sizeof(struct products));
}

void products_close(struct products *p)
{
    free(p);
}

const char *products_describe(const struct products *p)
{
    (void)p;
    return "plain loops";
}

size_t products_bytes(const struct products *p)
{
    (void)p;
    return 0;
}

const char *products_error(const struct products *p)
{
    (void)p;
    return NULL;
}

static float element(const void *p, size_t i, enum dtype t)
{
    if (t == DTYPE_F32)
        return ((const float *)p)[i];
    uint32_t bits = (uint32_t)((const uint16_t *)p)[i] << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static void put(void *p, size_t i, float f, enum dtype t)
{
    uint32_t bits;
    if (t == DTYPE_F32) {
        ((float *)p)[i] = f;
        return;
    }
    memcpy(&bits, &f, sizeof bits);
    ((uint16_t *)p)[i] =
        (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16); /* to nearest even; no NaNs here */
}

/* fp8: `mantissa` bits, exponent of that bias. Written from the formats' definition, not from the rounding.
 */
static float fp8(uint8_t bits, int mantissa, int bias)
{
    int exponent = (bits & 0x7f) >> mantissa, m = bits & ((1 << mantissa) - 1), one = 1 << mantissa;
    float f = exponent ? ldexpf((float)(one + m), exponent - bias - mantissa)
                       : ldexpf((float)m, 1 - bias - mantissa);
    if ((mantissa == 3 && (bits & 0x7f) == 0x7f) || (mantissa == 2 && exponent == 31))
        f = NAN; /* e5m2 has infinities; nothing makes them here */
    return bits & 0x80 ? -f : f;
}

static float operand(const void *p, size_t i, const struct product *d, bool is_a)
{
    if (!d->fp8)
        return element(p, i, d->in);
    bool gradient = is_a && d->fp8 == OPERANDS_FP8_GRADIENT;
    return fp8(((const uint8_t *)p)[i], gradient ? 2 : 3, gradient ? 15 : 7) *
           (is_a ? *d->a_scale : *d->b_scale);
}

static void run(const void *arguments)
{
    const struct call *c = arguments;
    size_t M = (size_t)c->d.M, N = (size_t)c->d.N, K = (size_t)c->d.K;
    for (size_t m = 0; m < M; m++)
        for (size_t n = 0; n < N; n++) {
            double sum = c->d.add ? (double)element(c->C, m * N + n, c->d.out) : 0;
            for (size_t k = 0; k < K; k++)
                sum += (double)operand(c->A, c->d.a_t ? k * M + m : m * K + k, &c->d, true) *
                       (double)operand(c->B, c->d.b_t ? n * K + k : k * N + n, &c->d, false);
            put(c->C, m * N + n, (float)sum, c->d.out);
        }
}

void products_run(struct products *p, cudaStream_t s, void *C, const void *A, const void *B, struct product d)
{
    struct call c = {C, A, B, d};
    (void)p;
    (void)s;
    shim_call(run, &c, sizeof c);
}
