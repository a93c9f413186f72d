/*
 * device.c - the CPU's backend as a device that fails, in place of kernels/choose.c in programs that tests
 * run
 *
 * FAULT=OP:N in the environment: the Nth call of OP fails. As on a GPU it does so unseen: error tells it once
 * the host has waited, and nothing else does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/ops.h"

static struct ops table;
static const struct ops *cpu;
static bool failed, seen;

static void called(const char *op)
{
    static unsigned long calls;
    const char *fault = getenv("FAULT");
    size_t n = strlen(op);
    if (fault && strncmp(fault, op, n) == 0 && fault[n] == ':')
        failed |= ++calls == strtoul(fault + n + 1, NULL, 10);
}

static const char *error(struct device *dev)
{
    (void)dev;
    return seen ? "the fault that was asked for" : NULL;
}

static void wait_for(struct device *dev)
{
    cpu->sync(dev);
    seen = failed;
}

static void download(struct device *dev, void *dst, const void *src, size_t bytes)
{
    called("download");
    cpu->download(dev, dst, src, bytes);
    wait_for(dev);
}

static double sum_squares(struct device *dev, const float *x, size_t n)
{
    double sum = cpu->sum_squares(dev, x, n);
    wait_for(dev);
    return sum;
}

static void linear_forward(struct device *dev, void *y, const void *x, const void *W, int N, int I, int O)
{
    called("linear_forward");
    cpu->linear_forward(dev, y, x, W, N, I, O);
}

/* One new token. */
static void attention_cached(struct device *dev, void *out, const void *qk, const void *kcache,
                             const void *vcache, int n, int past, const int32_t *past_at, int H, int Hkv,
                             int D)
{
    if (past_at)
        called("token");
    cpu->attention_cached(dev, out, qk, kcache, vcache, n, past, past_at, H, Hkv, D);
}

/* "validation": those without a gradient */
static void cross_entropy(struct device *dev, float *loss, void *logits, const int32_t *targets, int N, int V,
                          float scale)
{
    if (scale == 0)
        called("validation");
    cpu->cross_entropy(dev, loss, logits, targets, N, V, scale);
}

/* "update": an optimizer's calls for the array that it began with */
static void adamw_step(struct device *dev, float *theta, void *work, float *m, float *v, const float *g,
                       size_t n, struct adamw a)
{
    static const float *first;
    first = first ? first : theta;
    if (theta == first)
        called("update");
    cpu->adamw_step(dev, theta, work, m, v, g, n, a);
}

/* OWN_MEMORY in the environment: the device has memory of its own, as a GPU has. The first who asks is told
 * otherwise: it measures the rate of products, with operands that suit a GPU. */
static size_t memory(struct device *dev, size_t *total)
{
    static int asked;
    size_t left = cpu->memory(dev, total);
    if (!getenv("OWN_MEMORY") || asked++ == 0)
        return left;
    *total = (size_t)1 << 36;
    return *total;
}

const struct ops *ops_choose(const char *name, char *why, size_t cap)
{
    (void)name;
    snprintf(why, cap, "a test");
    cpu = ops_cpu();
    table = *cpu;
    table.error = error;
    table.memory = memory;
    table.sync = wait_for;
    table.download = download;
    table.sum_squares = sum_squares;
    table.linear_forward = linear_forward;
    table.attention_cached = attention_cached;
    table.cross_entropy = cross_entropy;
    table.adamw_step = adamw_step;
    return &table;
}
