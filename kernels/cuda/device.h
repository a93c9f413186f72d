/*
 * device.h - the CUDA backend's state, shared by the files of this directory
 *
 * One stream: every op is enqueued on it, in the order of the calls. Host memory is touched only through
 * pinned buffers (transfer.c), so that only sync, download, dot and sum_squares wait.
 */
#ifndef KERNELS_CUDA_DEVICE_H
#define KERNELS_CUDA_DEVICE_H

#include "kernels/cuda/gpu.h"
#include "kernels/cuda/product.h"
#include "kernels/cuda/record.h"

enum { STAGES = 4, STAGE_BYTES = 1 << 20, MAX_PENDING = 256, LATER_MOST = 64 << 20, RESULTS = 16 };

struct device {
    enum dtype act;
    bool fp8; /* linear_maybe_fp8_* compute in fp8 */
    struct gpu gpu;
    cudaStream_t stream;
    struct products *products;
    struct cudnn_attention *cudnn; /* NULL: attention.cu computes attention */
    struct recordings recordings;

    struct {
        void *p, *event; /* p: pinned; event: reached when the stream no longer needs p */
    } stage[STAGES];
    unsigned next_stage;

    char *later; /* pinned: bytes that download_later has requested */
    size_t later_bytes, later_used;
    struct {
        void *dst;
        size_t from, bytes;
    } pending[MAX_PENDING];
    unsigned n_pending;

    void *scratch; /* used by the running launcher; there is one stream, so one buffer is enough */
    size_t scratch_bytes;
    double *result;      /* device memory, RESULTS doubles: results of dot, gram and normalise */
    const char *failure; /* set when memory was missing where a call cannot fail */
    char text[256];
};

extern const struct ops cuda_table;

/* device.c. Returns at least that many bytes, 256-byte aligned, valid until the next call. NULL: no memory,
 * which cuda_device_error reports. The scratch grows in the first steps and never after; growing discards
 * recordings that refer to the old scratch. */
void *cuda_device_scratch(struct device *dev, size_t bytes);
struct device *cuda_device_open(enum dtype act, int threads, char *err, size_t cap);
void cuda_device_close(struct device *dev);
int cuda_device_use_fp8(struct device *dev, char *err, size_t cap);
const char *cuda_device_describe(struct device *dev);
const char *cuda_device_error(struct device *dev);
void *cuda_device_alloc(struct device *dev, size_t bytes);
void cuda_device_free(struct device *dev, void *p);
size_t cuda_device_memory(struct device *dev, size_t *total);
size_t cuda_device_scratch_bytes(struct device *dev);
size_t cuda_device_scratch_limit(struct device *dev, const struct step_extent *e);

/* transfer.c */
int cuda_transfer_open(struct device *dev); /* -1: no memory */
void cuda_transfer_close(struct device *dev);
void cuda_upload(struct device *dev, void *dst, const void *src, size_t bytes);
void cuda_download(struct device *dev, void *dst, const void *src, size_t bytes);
void cuda_download_later(struct device *dev, void *dst, const void *src, size_t bytes);
void cuda_copy(struct device *dev, void *dst, const void *src, size_t bytes);
void cuda_zero(struct device *dev, void *p, size_t bytes);
void cuda_sync(struct device *dev);

/* linear.c */
void cuda_linear_forward(struct device *dev, void *y, const void *x, const void *W, int N, int I, int O);
void cuda_linear_backward_input(struct device *dev, void *dx, const void *dy, const void *W, int N, int I,
                                int O, bool accumulate);
void cuda_linear_backward_weight(struct device *dev, float *dW, const void *dy, const void *x, int N, int I,
                                 int O, bool accumulate);

/* linear_fp8.c */
void cuda_linear_maybe_fp8_forward(struct device *dev, void *y, const void *x, const void *W, int N, int I,
                                   int O);
void cuda_linear_maybe_fp8_backward(struct device *dev, void *dx, float *dW, const void *dy, const void *x,
                                    const void *W, int N, int I, int O, bool accumulate);
size_t cuda_linear_fp8_scratch(const struct step_extent *e); /* the most that any layer needs with fp8 */

/* attention_choice.c */
int cuda_device_use_cudnn(struct device *dev, struct attention_shape s, char *err, size_t cap);
void cuda_ops_attention_forward(struct device *dev, void *out, float *lse, const struct attention *in);
void cuda_ops_attention_backward(struct device *dev, void *dqk, void *dqkv, const void *dout, const void *out,
                                 const float *lse, const struct attention *in);
size_t cuda_ops_attention_scratch(struct device *dev, struct attention_shape s);

/* attention_trial.c. Returns 0 when the results agree, forward and backward; -1 and err (a clause) when they
 * do not, or cuDNN cannot compute them. */
int cuda_attention_trial(struct device *dev, struct cudnn_attention *cudnn, struct attention_shape s,
                         char *err, size_t cap);

/* extrapolate.c */
void cuda_ops_ema_step(struct device *dev, float *theta, void *work, float *mean, size_t n, float keep,
                       float ahead);
void cuda_ops_combine(struct device *dev, float *y, void *work, const float *x, const void *const *D, int k,
                      const float *c, const struct span *spans, int n_spans);
void cuda_ops_direction(struct device *dev, void *d, float keep, float gain, const float *a, const float *b,
                        const void *const *D, int k, const float *c, const struct span *spans, int n_spans);
void cuda_ops_gram(struct device *dev, double *out, const void *const *D, int k, const float *a,
                   const float *b, const struct span *spans, int n_spans, int n_groups);

/* sensors.c */
bool cuda_sensors(struct device *dev, struct sensors *out);

#endif
