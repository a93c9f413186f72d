/*
 * product.c - the twin of ../cublaslt.c for tests: plain loops, sums in double
 */
#include "kernels/cuda/product.h"

#include <stdlib.h>
#include <string.h>
#include "kernels/cuda/shim/graph.h"

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
    ((uint16_t *)p)[i] = (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);      /* to nearest even; no NaNs here */
}

static void run(const void *arguments)
{
    const struct call *c = arguments;
    size_t M = (size_t)c->d.M, N = (size_t)c->d.N, K = (size_t)c->d.K;
    for (size_t m = 0; m < M; m++)
        for (size_t n = 0; n < N; n++) {
            double sum = c->d.add ? (double)element(c->C, m * N + n, c->d.out) : 0;
            for (size_t k = 0; k < K; k++)
                sum += (double)element(c->A, c->d.a_t ? k * M + m : m * K + k, c->d.in) *
                       (double)element(c->B, c->d.b_t ? n * K + k : k * N + n, c->d.in);
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
