#include "kernels/cuda/cudnn_attention.h"
#include "kernels/cuda/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct device *cuda_device_open(enum dtype act, int threads, char *err, size_t cap)
{
    struct device *dev = calloc(1, sizeof *dev);
    (void)threads;
    if (!dev) {
        snprintf(err, cap, "no memory for the CUDA backend");
        return NULL;
    }
    dev->act = act;
    const char *graphs =
        getenv("TRITTER_GRAPHS"); /* off: for measuring the gain of graphs, and for debugging */
    dev->recordings.off = graphs && strcmp(graphs, "off") == 0;
    if (gpu_find(&dev->gpu, err, cap) != 0) {
        free(dev);
        return NULL;
    }
    dev->products = products_open(&dev->gpu, err, cap);
    if (!dev->products) {
        cuda_device_close(dev);
        return NULL;
    }
    dev->stream = gpu_stream();
    dev->result = gpu_alloc(RESULTS * sizeof *dev->result);
    if (!dev->stream || !dev->result || cuda_transfer_open(dev) != 0) {
        const char *e = gpu_error();
        snprintf(err, cap, "%s: %s", dev->gpu.name, e ? e : "no memory for buffers");
        cuda_device_close(dev);
        return NULL;
    }
    snprintf(dev->text, sizeof dev->text, "%s (sm_%d%d, driver for CUDA %d.%d), %s, %s", dev->gpu.name,
             dev->gpu.major, dev->gpu.minor, dev->gpu.driver / 1000, dev->gpu.driver % 1000 / 10,
             act == DTYPE_BF16 ? "bf16" : "f32", products_describe(dev->products));
    return dev;
}

void cuda_device_close(struct device *dev)
{
    if (!dev)
        return;
    if (dev->stream)
        gpu_sync(dev->stream);
    recordings_clear(&dev->recordings);
    cuda_transfer_close(dev);
    cudnn_attention_close(dev->cudnn);
    products_close(dev->products);
    gpu_free(dev->scratch);
    gpu_free(dev->result);
    gpu_stream_free(dev->stream);
    free(dev);
}

int cuda_device_use_fp8(struct device *dev, char *err, size_t cap)
{
    if (dev->act != DTYPE_BF16)
        snprintf(err, cap, "fp8 products go with bf16 activations alone");
    else if (dev->gpu.major < 9)
        snprintf(err, cap, "fp8 products need compute capability 9.0, %s has %d.%d", dev->gpu.name,
                 dev->gpu.major, dev->gpu.minor);
    else
        dev->fp8 = true;
    size_t n = strlen(dev->text);
    if (dev->fp8)
        snprintf(dev->text + n, sizeof dev->text - n, ", hidden layers in fp8");
    return dev->fp8 ? 0 : -1;
}

const char *cuda_device_describe(struct device *dev)
{
    return dev->text;
}

/* A failed allocation is reported first, since other failures may be its consequences. */
const char *cuda_device_error(struct device *dev)
{
    const char *e = dev->failure;
    e = e ? e : gpu_error();
    return e ? e : products_error(dev->products);
}

void *cuda_device_alloc(struct device *dev, size_t bytes)
{
    void *p = gpu_alloc(bytes);
    if (p)
        gpu_zero(dev->stream, p, bytes);
    return p;
}

void cuda_device_free(struct device *dev, void *p)
{
    if (!p)
        return;
    gpu_sync(dev->stream);              /* kernels may still be using the old scratch */
    recordings_clear(&dev->recordings); /* and so would recorded ones when replayed */
    gpu_free(p);
}

size_t cuda_device_memory(struct device *dev, size_t *total)
{
    size_t left;
    (void)dev;
    gpu_memory(&left, total);
    return left;
}

void *cuda_device_scratch(struct device *dev, size_t bytes)
{
    if (bytes <= dev->scratch_bytes)
        return dev->scratch;
    gpu_sync(dev->stream);
    recordings_clear(&dev->recordings);
    gpu_free(dev->scratch);
    dev->scratch = gpu_alloc(bytes);
    dev->scratch_bytes = dev->scratch ? bytes : 0;
    if (!dev->scratch)
        dev->failure = "no memory for scratch";
    return dev->scratch;
}

size_t cuda_device_scratch_bytes(struct device *dev)
{
    return dev->scratch_bytes + products_bytes(dev->products) + RESULTS * sizeof *dev->result;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

size_t cuda_device_scratch_limit(struct device *dev, const struct step_extent *e)
{
    int N = e->s.B * e->s.T;
    size_t n = cuda_dot_scratch(e->weights);
    n = larger(n, cuda_embedding_backward_scratch(N, e->C));
    n = larger(n, cuda_rmsnorm_backward_scratch(N, e->C));
    n = larger(n, cuda_qk_norm_rope_backward_scratch(N, e->s.H, e->s.Hkv, e->s.D));
    n = larger(n, cuda_ops_attention_scratch(dev, e->s));
    if (dev->fp8)
        n = larger(n, cuda_linear_fp8_scratch(e));
    return n + products_bytes(dev->products) + RESULTS * sizeof *dev->result;
}
