/*
 * attention_trial.c - compares cuDNN's attention with attention.cu on random numbers
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cuda/cudnn_attention.h"
#include "kernels/cuda/device.h"

/* Largest |a - b| / |b| that counts as agreement: rounding to bf16 alone gives some 0.004. */
static const double AGREE = 0.02;

enum { QK, QKV, DOUT, OUT, LSE, DQK, DQKV, ARRAYS }; /* inputs, then results */

static const char *const result_names[ARRAYS] = {
    [OUT] = "outputs", [LSE] = "log-sum-exps", [DQK] = "gradients of q and k", [DQKV] = "gradients of v"};

/* The operands of one shape, and the results of attention.cu and of cuDNN. */
struct trial {
    struct attention_shape s;
    size_t n[ARRAYS];    /* elements */
    void *at[2][ARRAYS]; /* at[0]: inputs and our results; at[1]: cuDNN's results */
};

static enum dtype type_of(int array)
{
    return array == LSE ? DTYPE_F32 : DTYPE_BF16;
}

static void trial_free(struct device *dev, struct trial *t)
{
    for (int i = 0; i < 2 * ARRAYS; i++)
        cuda_device_free(dev, t->at[i / ARRAYS][i % ARRAYS]);
}

/* Returns -1 when there is no memory. */
static int trial_alloc(struct device *dev, struct trial *t)
{
    size_t N = (size_t)t->s.B * (size_t)t->s.T, H = (size_t)t->s.H, Hkv = (size_t)t->s.Hkv,
           D = (size_t)t->s.D;
    t->n[QK] = t->n[DQK] = N * (H + Hkv) * D;
    t->n[QKV] = t->n[DQKV] = N * (H + 2 * Hkv) * D;
    t->n[OUT] = t->n[DOUT] = N * H * D;
    t->n[LSE] = N * H;
    for (int i = 0; i < 2 * ARRAYS; i++) {
        int array = i % ARRAYS;
        if (i >= ARRAYS && array < OUT)
            continue;
        t->at[i / ARRAYS][array] = cuda_device_alloc(dev, t->n[array] * dtype_bytes(type_of(array)));
        if (!t->at[i / ARRAYS][array])
            return -1;
    }
    return 0;
}

/* Uniform numbers in -2 .. 2, as bf16. */
static int trial_fill(struct device *dev, struct trial *t)
{
    uint32_t r = 1;
    uint16_t *host = malloc(t->n[QKV] * sizeof *host);
    for (int array = QK; host && array < OUT; array++) {
        for (size_t i = 0; i < t->n[array]; i++) {
            r = r * 1664525u + 1013904223u;
            float f = (float)(r >> 8) * 0x1p-22f - 2;
            uint32_t bits;
            memcpy(&bits, &f, sizeof bits);
            host[i] = (uint16_t)(bits >> 16);
        }
        cuda_upload(dev, t->at[0][array], host, t->n[array] * sizeof *host);
    }
    free(host);
    return host ? 0 : -1;
}

/* run_own and its twin return false and fill err when there is no memory for scratch, or on a refusal. */
static bool run_own(struct device *dev, const struct trial *t, char *err, size_t cap)
{
    void *const *in = t->at[0], *const *out = t->at[0];
    void *scratch = cuda_device_scratch(dev, cuda_attention_backward_scratch(t->s));
    if (!scratch) {
        snprintf(err, cap, "%s", cuda_device_error(dev));
        return false;
    }
    const struct attention inputs = {.qk = in[QK], .qkv = in[QKV], .s = t->s};
    cuda_attention_forward(dev->stream, dev->act, out[OUT], out[LSE], &inputs);
    cuda_attention_backward(dev->stream, dev->act, out[DQK], out[DQKV], in[DOUT], out[OUT], out[LSE], &inputs,
                            scratch);
    return true;
}

static bool run_theirs(struct device *dev, struct cudnn_attention *cudnn, const struct trial *t, char *err,
                       size_t cap)
{
    void *const *in = t->at[0], *const *out = t->at[1];
    const char *why;
    size_t forward, backward;
    if (!cudnn_attention_takes(cudnn, t->s, false, &forward, &why) ||
        !cudnn_attention_takes(cudnn, t->s, true, &backward, &why)) {
        snprintf(err, cap, "%s", why);
        return false;
    }
    void *scratch = cuda_device_scratch(dev, forward > backward ? forward : backward);
    if (scratch && cudnn_attention_forward(cudnn, out[OUT], out[LSE], in[QK], in[QKV], t->s, scratch) &&
        cudnn_attention_backward(cudnn, out[DQK], out[DQKV], in[DOUT], out[OUT], out[LSE], in[QK], in[QKV],
                                 t->s, scratch))
        return true;
    snprintf(err, cap, "%s", scratch ? cudnn_attention_error(cudnn) : cuda_device_error(dev));
    return false;
}

static double element(const void *p, size_t i, enum dtype type)
{
    float f;
    uint32_t bits = type == DTYPE_BF16 ? (uint32_t)((const uint16_t *)p)[i] << 16 : ((const uint32_t *)p)[i];
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* Returns |a - b| / |b|; -1: no memory. */
static double apart(struct device *dev, const struct trial *t, int array)
{
    size_t n = t->n[array], bytes = n * dtype_bytes(type_of(array));
    void *own = malloc(bytes), *theirs = malloc(bytes);
    double difference = 0, squares = 0;
    if (own && theirs) {
        cuda_download(dev, own, t->at[0][array], bytes);
        cuda_download(dev, theirs, t->at[1][array], bytes);
        for (size_t i = 0; i < n; i++) {
            double b = element(own, i, type_of(array)), d = element(theirs, i, type_of(array)) - b;
            difference += d * d;
            squares += b * b;
        }
    }
    bool done = own && theirs;
    free(own);
    free(theirs);
    return done ? sqrt(difference / squares) : -1;
}

static int compare(struct device *dev, struct cudnn_attention *cudnn, const struct trial *t, char *err,
                   size_t cap)
{
    if (!run_own(dev, t, err, cap) || !run_theirs(dev, cudnn, t, err, cap))
        return -1;
    gpu_sync(dev->stream);
    if (cuda_device_error(dev)) {
        snprintf(err, cap, "%s", cuda_device_error(dev));
        return -1;
    }
    for (int array = OUT; array < ARRAYS; array++) {
        double far = apart(dev, t, array);
        if (far >= 0 && far < AGREE)
            continue;
        if (far < 0)
            snprintf(err, cap, "no memory to compare it");
        else
            snprintf(err, cap, "%s computes other %s: they differ by %.2g of their length",
                     cudnn_attention_describe(cudnn), result_names[array], far);
        return -1;
    }
    return 0;
}

int cuda_attention_trial(struct device *dev, struct cudnn_attention *cudnn, struct attention_shape s,
                         char *err, size_t cap)
{
    struct trial t = {.s = s};
    int agrees = -1;
    if (trial_alloc(dev, &t) != 0 || trial_fill(dev, &t) != 0)
        snprintf(err, cap, "no memory to compare it");
    else
        agrees = compare(dev, cudnn, &t, err, cap);
    trial_free(dev, &t);
    return agrees;
}
