/*
 * table.h - the functions behind struct ops, one file each; ops.h says what they do
 */
#ifndef KERNELS_CPU_TABLE_H
#define KERNELS_CPU_TABLE_H

#include "kernels/ops.h"

/* device.c */
struct device *device_open(enum dtype act, int threads, char *err, size_t cap);
void device_close(struct device *dev);
const char *device_describe(struct device *dev);
void *device_alloc(struct device *dev, size_t bytes);
void device_free(struct device *dev, void *p);
void device_move(struct device *dev, void *dst, const void *src, size_t bytes);
void device_zero(struct device *dev, void *p, size_t bytes);
void device_sync(struct device *dev);
size_t device_scratch_bytes(struct device *dev);
size_t device_scratch_limit(struct device *dev, const struct step_extent *e);
const char *device_error(struct device *dev);
size_t device_memory(struct device *dev, size_t *total);
bool device_sensors(struct device *dev, struct sensors *out);
int device_no_fp8(struct device *dev, char *err, size_t cap);
int device_no_cudnn(struct device *dev, struct attention_shape s, char *err, size_t cap);
double device_nominal_flops(struct device *dev);
enum dtype device_fastest_act(void);
bool device_replay(struct device *dev, uint64_t key);
bool device_recorded(struct device *dev);

/* embedding.c */
void embedding_forward(struct device *dev, void *x, const void *W, const int32_t *ids, int N, int C);
void embedding_backward(struct device *dev, float *dW, const void *dx, const int32_t *ids, int N, int C,
                        int V);

/* rmsnorm.c */
void rmsnorm_forward(struct device *dev, void *y, float *rstd, void *sum, const void *x, const void *delta,
                     const float *g, int N, int C, float eps);
void rmsnorm_backward(struct device *dev, void *dx, float *dg, const void *dy, const void *x, const float *g,
                      const float *rstd, int N, int C, bool accumulate);

/* linear.c */
void linear_forward(struct device *dev, void *y, const void *x, const void *W, int N, int I, int O);
void linear_backward_input(struct device *dev, void *dx, const void *dy, const void *W, int N, int I, int O,
                           bool accumulate);
void linear_backward_weight(struct device *dev, float *dW, const void *dy, const void *x, int N, int I, int O,
                            bool accumulate);
void linear_maybe_fp8_backward(struct device *dev, void *dx, float *dW, const void *dy, const void *x,
                               const void *W, int N, int I, int O, bool accumulate);
/* Scratch of the step's products, without oneDNN's own. */
size_t linear_scratch_bytes(struct device *dev, const struct step_extent *e);

/* bias.c */
void bias_forward(struct device *dev, void *y, const float *b, int N, int O);
void bias_backward(struct device *dev, float *db, const void *dy, int N, int O, bool accumulate);

/* gemv.c: linear_forward of few rows. Each row of y has the bits that it has alone. */
enum { GEMV_ROWS = 16 };
void gemv(struct device *dev, void *y, const void *W, const void *x, int N, int I, int O);

/* int8.c */
void quantise_int8(struct device *dev, int8_t *q, float *scales, const void *W, int O, int I);
void linear_int8_forward(struct device *dev, void *y, const void *x, const int8_t *q, const float *scales,
                         int N, int I, int O);
void embedding_int8_forward(struct device *dev, void *x, const int8_t *q, const float *scales,
                            const int32_t *ids, int N, int C);

/* qk_norm_rope.c */
void qk_norm_rope_forward(struct device *dev, void *qk, float *rstd, const struct qk_norm_rope *in,
                          float eps);
void qk_norm_rope_backward(struct device *dev, void *dqkv, float *dgq, float *dgk, const void *dqk,
                           const float *rstd, const struct qk_norm_rope *in, bool accumulate);

/* attention.c, attention_backward.c, attention_cached.c */
void attention_forward(struct device *dev, void *out, float *lse, const struct attention *in);
void attention_backward(struct device *dev, void *dqk, void *dqkv, const void *dout, const void *out,
                        const float *lse, const struct attention *in);
/* Scratch of backward, which takes more than forward. */
size_t attention_scratch_bytes(struct device *dev, struct attention_shape s);
void attention_cached(struct device *dev, void *out, const void *qk, const void *kcache, const void *vcache,
                      int n, int past, const int32_t *past_at, int H, int Hkv, int D);
void kv_append(struct device *dev, void *kcache, void *vcache, const void *qk, const void *qkv, int n,
               int past, const int32_t *past_at, int H, int Hkv, int D);

/* swiglu.c */
void swiglu_forward(struct device *dev, void *y, const void *gate_up, int N, int F);
void swiglu_backward(struct device *dev, void *dgate_up, const void *dy, const void *gate_up, int N, int F);

/* cross_entropy.c */
void cross_entropy(struct device *dev, float *loss, void *logits, const int32_t *targets, int N, int V,
                   float scale);

/* vector.c */
void vector_to_act(struct device *dev, void *dst, const float *src, size_t n);
void vector_to_f32(struct device *dev, float *dst, const void *src, size_t n);
void vector_axpby(struct device *dev, void *y, float a, const void *x, float b, size_t n);
double vector_sum_squares(struct device *dev, const float *x, size_t n);
double vector_dot(struct device *dev, const float *x, const float *y, size_t n);
void vector_axpy(struct device *dev, float *y, float a, const float *x, size_t n);
void vector_scale(struct device *dev, float *x, float a, size_t n);
void vector_normalise(struct device *dev, float *x, double eps, size_t n);

/* directions.c */
void directions_ema_step(struct device *dev, float *theta, void *work, float *mean, size_t n, float keep,
                         float ahead);
void directions_combine(struct device *dev, float *y, void *work, const float *x, const void *const *D, int k,
                        const float *c, const struct span *spans, int n_spans);
void directions_direction(struct device *dev, void *d, float keep, float gain, const float *a, const float *b,
                          const void *const *D, int k, const float *c, const struct span *spans, int n_spans);
void directions_gram(struct device *dev, double *out, const void *const *D, int k, const float *a,
                     const float *b, const struct span *spans, int n_spans, int n_groups);

/* adamw.c */
void adamw_step(struct device *dev, float *theta, void *work, float *m, float *v, const float *g, size_t n,
                struct adamw a);
void adamw_step_bf16(struct device *dev, float *theta, void *work, uint16_t *m, uint16_t *v, const float *g,
                     size_t n, struct adamw a, uint64_t seed, uint64_t index);

#endif
