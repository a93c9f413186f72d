/*
 * attention_choice.c - which attention training uses: attention.cu, or cuDNN where it was asked for and gives
 * equal results
 */
#include <stdio.h>
#include <string.h>

#include "kernels/cuda/cudnn_attention.h"
#include "kernels/cuda/device.h"

/* Reports a refusal, unless a recording is under way: then the call is repeated without recording. */
static void refused(struct device *dev, const char *why)
{
    if (!gpu_record_spoil() && !dev->failure)
        dev->failure = why;
}

/* Returns NULL when cuDNN refuses the shape or memory is short; the device has kept the reason. Falling back
 * to our own kernels would make measurements of cuDNN untrue. */
static void *scratch_of(struct device *dev, struct attention_shape s, bool backward)
{
    size_t bytes;
    const char *why;
    if (cudnn_attention_takes(dev->cudnn, s, backward, &bytes, &why))
        return cuda_device_scratch(dev, bytes);
    refused(dev, why);
    return NULL;
}

void cuda_ops_attention_forward(struct device *dev, void *out, float *lse, const struct attention *in)
{
    if (!dev->cudnn || in->first) {
        cuda_attention_forward(dev->stream, dev->act, out, lse, in);
        return;
    }
    void *scratch = scratch_of(dev, in->s, false);
    if (scratch && !cudnn_attention_forward(dev->cudnn, out, lse, in->qk, in->qkv, in->s, scratch))
        refused(dev, cudnn_attention_error(dev->cudnn));
}

void cuda_ops_attention_backward(struct device *dev, void *dqk, void *dqkv, const void *dout, const void *out,
                                 const float *lse, const struct attention *in)
{
    bool theirs = dev->cudnn && !in->first;
    void *scratch = theirs ? scratch_of(dev, in->s, true)
                           : cuda_device_scratch(dev, cuda_attention_backward_scratch(in->s));
    if (!scratch)
        return;
    if (!theirs)
        cuda_attention_backward(dev->stream, dev->act, dqk, dqkv, dout, out, lse, in, scratch);
    else if (!cudnn_attention_backward(dev->cudnn, dqk, dqkv, dout, out, lse, in->qk, in->qkv, in->s,
                                       scratch))
        refused(dev, cudnn_attention_error(dev->cudnn));
}

/* The larger of what both implementations need. */
size_t cuda_ops_attention_scratch(struct device *dev, struct attention_shape s)
{
    size_t most = cuda_attention_backward_scratch(s), bytes;
    const char *why;
    for (int backward = 0; dev->cudnn && backward < 2; backward++)
        if (cudnn_attention_takes(dev->cudnn, s, backward, &bytes, &why) && bytes > most)
            most = bytes;
    return most;
}

int cuda_device_use_cudnn(struct device *dev, struct attention_shape s, char *err, size_t cap)
{
    if (dev->act != DTYPE_BF16) {
        snprintf(err, cap, "cuDNN's attention goes with bf16 activations alone");
        return -1;
    }
    struct cudnn_attention *cudnn = cudnn_attention_open(dev->stream, err, cap);
    if (!cudnn || cuda_attention_trial(dev, cudnn, s, err, cap) != 0) {
        cudnn_attention_close(cudnn);
        return -1;
    }
    dev->cudnn = cudnn;
    size_t n = strlen(dev->text);
    snprintf(dev->text + n, sizeof dev->text - n, ", attention by %s", cudnn_attention_describe(cudnn));
    return 0;
}
