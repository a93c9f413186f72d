/*
 * formulas.h - the forward passes of kernels/ops.h once more, over arrays of doubles
 *
 * They are written from the formulas, not from the kernels. kernels/reference/ is checked against them, its
 * gradients against their finite differences.
 */
#ifndef TESTS_OPS_FORMULAS_H
#define TESTS_OPS_FORMULAS_H

#include <math.h>
#include <stdint.h>
#include <stddef.h>
#include <string.h>
#include "kernels/ops.h"

/* C (M,N) element (m,n) of A*B, A (M,K) at strides ar, ac and B (K,N) at br, bc */
static inline double ref_product(const double *A, size_t ar, size_t ac, const double *B, size_t br, size_t bc,
                                 size_t m, size_t n, int K)
{
    double sum = 0;
    for (int k = 0; k < K; k++)
        sum += A[m * ar + k * ac] * B[k * br + n * bc];
    return sum;
}

static inline double ref_rmsnorm_row(double *y, const double *x, const double *g, int C, double eps)
{
    double square = 0;
    for (int c = 0; c < C; c++)
        square += x[c] * x[c];
    double r = 1 / sqrt(square / C + eps);
    for (int c = 0; c < C; c++)
        y[c] = x[c] * r * g[c];
    return r;
}

/* One head of one token, without a norm when g is NULL. rope: cosines, then sines. */
static inline double ref_norm_rope(double *y, const double *x, const double *g, const double *rope, int D,
                                   double eps)
{
    double a[256];
    double r = g ? ref_rmsnorm_row(a, x, g, D, eps) : 1;
    if (!g)
        memcpy(a, x, (size_t)D * sizeof *a);
    for (int i = 0; i < D; i++) {
        double turned = i < D / 2 ? -a[i + D / 2] : a[i - D / 2];
        y[i] = a[i] * rope[i % (D / 2)] + turned * rope[D / 2 + i % (D / 2)];
    }
    return r;
}

/* Query i of head h of sequence b -> out (D); returns the log-sum-exp of its scores. */
static inline double ref_attend(double *out, const double *qk, const double *qkv, const int32_t *first, int b,
                                int i, int h, struct attention_shape s)
{
    double score[2048], max = -INFINITY, sum = 0;
    int g = h / (s.H / s.Hkv), from = first ? first[b * s.T + i] : 0;
    size_t qk_row = (size_t)(s.H + s.Hkv) * s.D, qkv_row = (size_t)(s.H + 2 * s.Hkv) * s.D;
    const double *q = qk + (size_t)(b * s.T + i) * qk_row + (size_t)h * s.D;
    for (int j = from; j <= i; j++) {
        const double *k = qk + (size_t)(b * s.T + j) * qk_row + (size_t)(s.H + g) * s.D;
        score[j] = 0;
        for (int d = 0; d < s.D; d++)
            score[j] += q[d] * k[d];
        score[j] /= sqrt(s.D);
        max = score[j] > max ? score[j] : max;
    }
    for (int d = 0; d < s.D; d++)
        out[d] = 0;
    for (int j = from; j <= i; j++) {
        const double *v = qkv + (size_t)(b * s.T + j) * qkv_row + (size_t)(s.H + s.Hkv + g) * s.D;
        double p = exp(score[j] - max);
        sum += p;
        for (int d = 0; d < s.D; d++)
            out[d] += p * v[d];
    }
    for (int d = 0; d < s.D; d++)
        out[d] /= sum;
    return max + log(sum);
}

static inline double ref_swiglu(double gate, double up)
{
    return gate / (1 + exp(-gate)) * up;
}

static inline double ref_cross_entropy(const double *logits, int V, int target)
{
    double max = -INFINITY, sum = 0;
    for (int v = 0; v < V; v++)
        max = logits[v] > max ? logits[v] : max;
    for (int v = 0; v < V; v++)
        sum += exp(logits[v] - max);
    return max + log(sum) - logits[target];
}

#endif
