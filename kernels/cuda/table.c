/*
 * table.c - struct ops over the launchers of kernels.h
 *
 * An op that gets no scratch does nothing: the device has kept the reason.
 */
#include "kernels/cuda/device.h"
#include "kernels/cuda/nominal.h"

#include <math.h>

static void embedding_forward(struct device *dev, void *x, const void *W, const int32_t *ids, int N, int C)
{
    cuda_embedding_forward(dev->stream, dev->act, x, W, ids, N, C);
}

static void embedding_backward(struct device *dev, float *dW, const void *dx, const int32_t *ids, int N,
                               int C, int V)
{
    void *scratch = cuda_device_scratch(dev, cuda_embedding_backward_scratch(N, C));
    if (scratch)
        cuda_embedding_backward(dev->stream, dev->act, dW, dx, ids, N, C, V, scratch);
}

static void rmsnorm_forward(struct device *dev, void *y, float *rstd, void *sum, const void *x,
                            const void *delta, const float *g, int N, int C, float eps)
{
    cuda_rmsnorm_forward(dev->stream, dev->act, y, rstd, sum, x, delta, g, N, C, eps);
}

static void rmsnorm_backward(struct device *dev, void *dx, float *dg, const void *dy, const void *x,
                             const float *g, const float *rstd, int N, int C, bool accumulate)
{
    void *scratch = cuda_device_scratch(dev, cuda_rmsnorm_backward_scratch(N, C));
    if (scratch)
        cuda_rmsnorm_backward(dev->stream, dev->act, dx, dg, dy, x, g, rstd, N, C, accumulate, scratch);
}

static void qk_norm_rope_forward(struct device *dev, void *qk, float *rstd, const struct qk_norm_rope *in,
                                 float eps)
{
    cuda_qk_norm_rope_forward(dev->stream, dev->act, qk, rstd, in, eps);
}

static void qk_norm_rope_backward(struct device *dev, void *dqkv, float *dgq, float *dgk, const void *dqk,
                                  const float *rstd, const struct qk_norm_rope *in, bool accumulate)
{
    void *scratch =
        cuda_device_scratch(dev, cuda_qk_norm_rope_backward_scratch(in->N, in->H, in->Hkv, in->D));
    if (scratch)
        cuda_qk_norm_rope_backward(dev->stream, dev->act, dqkv, dgq, dgk, dqk, rstd, in, accumulate, scratch);
}

static void bias_forward(struct device *dev, void *y, const float *b, int N, int O)
{
    cuda_bias_forward(dev->stream, dev->act, y, b, N, O);
}

static void bias_backward(struct device *dev, float *db, const void *dy, int N, int O, bool accumulate)
{
    cuda_bias_backward(dev->stream, dev->act, db, dy, N, O, accumulate);
}

static void attention_cached(struct device *dev, void *out, const void *qk, const void *kcache,
                             const void *vcache, int n, int past, const int32_t *past_at, int H, int Hkv,
                             int D)
{
    void *scratch = cuda_device_scratch(dev, cuda_attention_cached_scratch(n, past, H, Hkv, D));
    if (scratch)
        cuda_attention_cached(dev->stream, dev->act, out, qk, kcache, vcache, n, past, past_at, H, Hkv, D,
                              scratch);
}

static void kv_append(struct device *dev, void *kcache, void *vcache, const void *qk, const void *qkv, int n,
                      int past, const int32_t *past_at, int H, int Hkv, int D)
{
    cuda_kv_append(dev->stream, dev->act, kcache, vcache, qk, qkv, n, past, past_at, H, Hkv, D);
}

static void swiglu_forward(struct device *dev, void *y, const void *gate_up, int N, int F)
{
    cuda_swiglu_forward(dev->stream, dev->act, y, gate_up, N, F);
}

static void swiglu_backward(struct device *dev, void *dgate_up, const void *dy, const void *gate_up, int N,
                            int F)
{
    cuda_swiglu_backward(dev->stream, dev->act, dgate_up, dy, gate_up, N, F);
}

static void cross_entropy(struct device *dev, float *loss, void *logits, const int32_t *targets, int N, int V,
                          float scale)
{
    cuda_cross_entropy(dev->stream, dev->act, loss, logits, targets, N, V, scale);
}

static void to_act(struct device *dev, void *dst, const float *src, size_t n)
{
    if (dst != src) /* in f32 theta is its own working copy */
        cuda_to_act(dev->stream, dev->act, dst, src, n);
}

static void to_f32(struct device *dev, float *dst, const void *src, size_t n)
{
    if (dst != src)
        cuda_to_f32(dev->stream, dev->act, dst, src, n);
}

static void axpby(struct device *dev, void *y, float a, const void *x, float b, size_t n)
{
    cuda_axpby(dev->stream, dev->act, y, a, x, b, n);
}

static double dot(struct device *dev, const float *x, const float *y, size_t n)
{
    double r;
    void *scratch = cuda_device_scratch(dev, cuda_dot_scratch(n));
    if (!scratch)
        return NAN;
    cuda_dot(dev->stream, dev->result, x, y, n, scratch);
    cuda_download(dev, &r, dev->result, sizeof r);
    return r;
}

static double sum_squares(struct device *dev, const float *x, size_t n)
{
    return dot(dev, x, x, n);
}

static void axpy(struct device *dev, float *y, float a, const float *x, size_t n)
{
    cuda_axpy(dev->stream, y, a, x, n);
}

static void scale(struct device *dev, float *x, float a, size_t n)
{
    cuda_scale(dev->stream, x, a, n);
}

static void normalise(struct device *dev, float *x, double eps, size_t n)
{
    void *scratch = cuda_device_scratch(dev, cuda_dot_scratch(n));
    if (scratch)
        cuda_normalise(dev->stream, x, eps, n, dev->result, scratch);
}

static void adamw_step(struct device *dev, float *theta, void *work, float *m, float *v, const float *g,
                       size_t n, struct adamw a)
{
    cuda_adamw_step(dev->stream, dev->act, theta, work == theta ? NULL : work, m, v, g, n, a);
}

static void adamw_step_bf16(struct device *dev, float *theta, void *work, uint16_t *m, uint16_t *v,
                            const float *g, size_t n, struct adamw a, uint64_t seed, uint64_t index)
{
    cuda_adamw_step_bf16(dev->stream, dev->act, theta, work, m, v, g, n, a, seed, index);
}

/* Only bf16 has a nominal rate: makers print f32 rates of matrix products with TF32 alone, which we do not
 * use. */
static double nominal(struct device *dev)
{
    return dev->act == DTYPE_BF16 ? nominal_flops(dev->gpu.name) : 0;
}

static enum dtype fastest_act(void)
{
    return DTYPE_BF16;
}

static bool replay(struct device *dev, uint64_t key)
{
    return recordings_replay(&dev->recordings, dev->stream, key);
}

static bool recorded(struct device *dev)
{
    return recordings_end(&dev->recordings, dev->stream);
}

const struct ops cuda_table = {
    .name = "cuda",
    .logit_bytes = (size_t)256 << 20,
    .micro_tokens = 32768,
    .widest_head = CUDA_WIDEST_HEAD,
    .update_tokens = 600, /* 28 bytes a weight at 3.3 TB/s; 6 operations a weight and token at 0.4 PFLOP/s */
    .fastest_act = fastest_act,
    .open = cuda_device_open,
    .close = cuda_device_close,
    .describe = cuda_device_describe,
    .error = cuda_device_error,
    .alloc = cuda_device_alloc,
    .free = cuda_device_free,
    .memory = cuda_device_memory,
    .sensors = cuda_sensors,
    .nominal_flops = nominal,
    .upload = cuda_upload,
    .download = cuda_download,
    .download_later = cuda_download_later,
    .copy = cuda_copy,
    .zero = cuda_zero,
    .sync = cuda_sync,
    .replay = replay,
    .recorded = recorded,
    .scratch_bytes = cuda_device_scratch_bytes,
    .scratch_limit = cuda_device_scratch_limit,
    .embedding_forward = embedding_forward,
    .embedding_backward = embedding_backward,
    .rmsnorm_forward = rmsnorm_forward,
    .rmsnorm_backward = rmsnorm_backward,
    .linear_forward = cuda_linear_forward,
    .linear_backward_input = cuda_linear_backward_input,
    .linear_backward_weight = cuda_linear_backward_weight,
    .bias_forward = bias_forward,
    .bias_backward = bias_backward,
    .linear_maybe_fp8_forward = cuda_linear_maybe_fp8_forward,
    .linear_maybe_fp8_backward = cuda_linear_maybe_fp8_backward,
    .use_fp8 = cuda_device_use_fp8,
    .use_cudnn = cuda_device_use_cudnn,
    .qk_norm_rope_forward = qk_norm_rope_forward,
    .qk_norm_rope_backward = qk_norm_rope_backward,
    .attention_forward = cuda_ops_attention_forward,
    .attention_backward = cuda_ops_attention_backward,
    .attention_cached = attention_cached,
    .kv_append = kv_append,
    .swiglu_forward = swiglu_forward,
    .swiglu_backward = swiglu_backward,
    .cross_entropy = cross_entropy,
    .to_act = to_act,
    .to_f32 = to_f32,
    .axpby = axpby,
    .sum_squares = sum_squares,
    .dot = dot,
    .axpy = axpy,
    .scale = scale,
    .normalise = normalise,
    .adamw_step = adamw_step,
    .adamw_step_bf16 = adamw_step_bf16,
    .ema_step = cuda_ops_ema_step,
    .combine = cuda_ops_combine,
    .direction = cuda_ops_direction,
    .gram = cuda_ops_gram,
};
