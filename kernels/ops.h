/*
 * ops.h - the whole compute interface: one table of functions that a backend fills in
 *
 * The backend owns the memory: pointers given to ops come from alloc (or point into such memory), and the
 * host reads them only through download. Two element types:
 *   f32   master weights, gradients of weights, optimizer state, norm gains, statistics
 *   act   activations, gradients of activations and the working copy of the
 *         weights: bf16 or f32, fixed when the device is opened (`void *` below)
 * Row-major throughout. N = B*T rows (tokens). "writes" overwrites, "adds" accumulates.
 *
 * Equal inputs give equal bits for a given backend, instruction set and number of threads: reductions have a
 * fixed order, no atomics on floats.
 *
 * Ops never print or exit. The caller promises valid shapes, and asserts check them. At run time two things
 * can fail: open and alloc, for want of memory, and a GPU, whose failure `error` reports. Ops may run
 * asynchronously; sync, download and every op that returns a number wait for them.
 */
#ifndef KERNELS_OPS_H
#define KERNELS_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dtype { DTYPE_F32, DTYPE_BF16 };

static inline size_t dtype_bytes(enum dtype t)
{
    return t == DTYPE_BF16 ? 2 : 4;
}

struct device; /* one backend's state: threads or streams, cached primitives, scratch */

struct attention_shape {
    int B, T;      /* sequences (65,535 at most), tokens in each */
    int H, Hkv, D; /* query heads, key/value heads (H % Hkv == 0), width of a head (even) */
};

struct attention {        /* the inputs that attention reads, forward and backward */
    const void *qk;       /* (N,(H+Hkv)*D) act: query heads, key heads, as qk_norm_rope_forward writes them */
    const void *qkv;      /* (N,(H+2Hkv)*D) act: its last Hkv heads are the values */
    const int32_t *first; /* (N): index within its sequence of the first key that a query may see (masks
                             between documents); NULL: 0 for all */
    struct attention_shape s;
};

struct adamw { /* Loshchilov & Hutter 2019, arXiv:1711.05101 */
    float lr, beta1, beta2, eps;
    float weight_decay; /* decoupled: theta -= lr * weight_decay * theta */
    float bias1, bias2; /* 1 - beta^t, t counted from 1 */
    float grad_scale;   /* clipping: gradient is multiplied by it first */
};

struct qk_norm_rope {         /* the inputs that this op reads, forward and backward */
    const void *qkv;          /* (N,(H+2Hkv)*D) act: a row holds query heads, key heads, value heads */
    const float *gq, *gk;     /* (D) gains of the query heads, of the key heads; both NULL: heads are rotated
                                 without a norm, and the op neither reads nor writes rstd, dgq and dgk */
    const float *rope;        /* (T_max,D): row p holds cos(p*w_i) for i < D/2, then sin */
    const int32_t *positions; /* (N): p of each token */
    int N, H, Hkv, D;
};

enum { OPS_DIRECTIONS = 4 }; /* the largest number of arrays that combine, direction and gram accept */

struct span { /* elements [offset, offset + n) of every flat array belong to group `group` */
    size_t offset, n;
    int group;
};

struct step_extent { /* the sizes of a training step that decide how much scratch memory it takes */
    size_t x, w;     /* elements of the largest operand of a product: activations, weights */
    size_t weights;  /* elements of all weights */
    int C;
    struct attention_shape s;
};

struct sensors {       /* readings of a GPU; a negative value: the GPU does not report it */
    float utilization; /* percent of the last sample period during which a kernel ran */
    float celsius, watts;
    uint64_t memory_used, memory_total; /* bytes, used by all processes */
};

struct ops {
    const char *name; /* "cpu x86-64-v4", "cuda" */
    /* Sizes that suit the backend: the bytes of logits held at once, enough rows for efficient products, and
     * the tokens of a micro-batch. */
    size_t logit_bytes;
    int micro_tokens;
    int widest_head;   /* largest head width D that its attention supports; 0: any */
    int equal_rows;    /* linear_forward gives each of up to so many rows the bits that it gives it alone; 0:
                          that is not promised */
    bool host_memory;  /* ops also read memory that alloc did not give, such as a mapped file */
    int update_tokens; /* an AdamW update takes about as long as a step on so many tokens */
    enum dtype (*fastest_act)(
        void); /* the activation type with which training steps are fastest on this machine */

    /* threads 0: as many threads as the machine has. On failure returns NULL and fills err. (bf16 always
     * works on the CPU, if slowly.) */
    struct device *(*open)(enum dtype act, int threads, char *err, size_t cap);
    void (*close)(struct device *dev);
    const char *(*describe)(struct device *dev); /* "2 threads, AVX-512 bf16 (oneDNN 2.6)" */

    /* The first failure since the device was opened, or NULL. After a failure all results are meaningless.
     * Callers ask after they have waited. */
    const char *(*error)(struct device *dev);

    void *(*alloc)(struct device *dev, size_t bytes); /* zeroed, 64-byte aligned; NULL: no memory */
    void (*free)(struct device *dev, void *p);
    void (*upload)(struct device *dev, void *dst, const void *src, size_t bytes);
    void (*download)(struct device *dev, void *dst, const void *src, size_t bytes);
    /* This call does not wait: dst is filled when sync returns, and unchanged until then. */
    void (*download_later)(struct device *dev, void *dst, const void *src, size_t bytes);
    void (*copy)(struct device *dev, void *dst, const void *src, size_t bytes);
    void (*zero)(struct device *dev, void *p, size_t bytes);
    void (*sync)(struct device *dev);
    size_t (*scratch_bytes)(struct device *dev); /* bytes that the backend has allocated for itself so far */
    size_t (*scratch_limit)(
        struct device *dev,
        const struct step_extent *e); /* the most scratch that training steps of this extent take */
    /* Returns the bytes that alloc can give now; *total is the device's memory. 0: it shares the machine's
     * memory. */
    size_t (*memory)(struct device *dev, size_t *total);
    bool (*sensors)(struct device *dev, struct sensors *out); /* false: the device has no sensors */
    double (*nominal_flops)(struct device *dev); /* peak rate of products in the device's type, from the
                                                    maker's data sheet; 0: unknown */

    /* A sequence of ops that is done again and again, unchanged, may be recorded and replayed as one:
     *     if (!o->replay(dev, key)) do { the ops } while (!o->recorded(dev));
     * recorded returns false when the recording failed, so that the ops are still to be done. The caller
     * promises that a key always stands for equal ops with equal pointers and scalars; only the contents of
     * device memory may differ. Between replay and recorded there must be no upload, download, alloc, free or
     * sync, and no op that returns a number. */
    bool (*replay)(struct device *dev, uint64_t key);
    bool (*recorded)(struct device *dev);

    /* x (N,C) writes rows ids[n] of W (V,C) */
    void (*embedding_forward)(struct device *dev, void *x, const void *W, const int32_t *ids, int N, int C);
    /* dW (V,C) f32 adds dx rows */
    void (*embedding_backward)(struct device *dev, float *dW, const void *dx, const int32_t *ids, int N,
                               int C, int V);

    /* RMSNorm, Zhang & Sennrich 2019, arXiv:1910.07467; statistics in f32.
     *   sum = x + delta (delta NULL: sum is not written, x is normed)
     *   rstd[n] = 1/sqrt(mean(sum[n]^2) + eps);  y = sum * rstd * g
     * sum may alias x. y (N,C) and rstd (N) are written. */
    void (*rmsnorm_forward)(struct device *dev, void *y, float *rstd, void *sum, const void *x,
                            const void *delta, const float *g, int N, int C, float eps);
    /* dx (N,C) adds; dg (C) f32 writes, or adds when accumulate. x is the input of the norm (sum in forward).
     */
    void (*rmsnorm_backward)(struct device *dev, void *dx, float *dg, const void *dy, const void *x,
                             const float *g, const float *rstd, int N, int C, bool accumulate);

    /* y (N,O) writes x (N,I) * W (O,I)^T */
    void (*linear_forward)(struct device *dev, void *y, const void *x, const void *W, int N, int I, int O);
    /* dx (N,I) writes, or adds when accumulate, dy (N,O) * W (O,I) */
    void (*linear_backward_input)(struct device *dev, void *dx, const void *dy, const void *W, int N, int I,
                                  int O, bool accumulate);
    /* dW (O,I) f32 writes, or adds when accumulate, dy^T * x */
    void (*linear_backward_weight)(struct device *dev, float *dW, const void *dy, const void *x, int N, int I,
                                   int O, bool accumulate);

    /* Weights in int8, for passes without a backward one: W (O,I) act is about q (O,I) times scales (O), one
     * scale a row, q within -127..127. All three are NULL on a backend without them. q and scales are
     * written; a row of W that holds a number that is not finite gets the scale NaN. */
    void (*quantise_int8)(struct device *dev, int8_t *q, float *scales, const void *W, int O, int I);
    /* linear_forward and embedding_forward with such weights. */
    void (*linear_int8_forward)(struct device *dev, void *y, const void *x, const int8_t *q,
                                const float *scales, int N, int I, int O);
    void (*embedding_int8_forward)(struct device *dev, void *x, const int8_t *q, const float *scales,
                                   const int32_t *ids, int N, int C);

    /* y (N,O) adds b (O) f32 to each row */
    void (*bias_forward)(struct device *dev, void *y, const float *b, int N, int O);
    /* db (O) f32 writes, or adds when accumulate, the sum of the rows of dy (N,O) */
    void (*bias_backward)(struct device *dev, float *db, const void *dy, int N, int O, bool accumulate);

    /* A linear layer inside the transformer's blocks. It computes in fp8 after use_fp8 where its sizes are
     * multiples of 16, and otherwise gives exactly the results of the three ops above. Backward writes dW, or
     * adds to it when accumulate, then writes dx. */
    void (*linear_maybe_fp8_forward)(struct device *dev, void *y, const void *x, const void *W, int N, int I,
                                     int O);
    void (*linear_maybe_fp8_backward)(struct device *dev, void *dx, float *dW, const void *dy, const void *x,
                                      const void *W, int N, int I, int O, bool accumulate);
    /* Makes linear_maybe_fp8_* compute in fp8 from now on: x and W in e4m3, dy in e5m2, with one scale per
     * tensor taken from its largest magnitude; sums in f32. Must be called before the first op. Returns 0, or
     * -1 with a clause in err when this device cannot. */
    int (*use_fp8)(struct device *dev, char *err, size_t cap);

    /* Per-head RMSNorm of q and k, then rotate-half RoPE (Su et al. 2021, arXiv:2104.09864), as Qwen3 does;
     * or the rotation alone, as Llama does.
     * qk (N,(H+Hkv)*D) and rstd (N,H+Hkv) f32 are written. */
    void (*qk_norm_rope_forward)(struct device *dev, void *qk, float *rstd, const struct qk_norm_rope *in,
                                 float eps);
    /* dqkv (N,(H+2Hkv)*D): the q and k parts are written; dgq, dgk (D) f32 write, or add when accumulate. */
    void (*qk_norm_rope_backward)(struct device *dev, void *dqkv, float *dgq, float *dgk, const void *dqk,
                                  const float *rstd, const struct qk_norm_rope *in, bool accumulate);

    /* Causal attention with grouped queries, scores scaled by 1/sqrt(D), O(T) memory (Dao 2023,
     * arXiv:2307.08691). out (N,H*D) and lse (B,H,T) f32, the log-sum-exp of the scores, are written. */
    void (*attention_forward)(struct device *dev, void *out, float *lse, const struct attention *in);
    /* dqk (N,(H+Hkv)*D) and the v part of dqkv (N,(H+2Hkv)*D) are written. */
    void (*attention_backward)(struct device *dev, void *dqk, void *dqkv, const void *dout, const void *out,
                               const float *lse, const struct attention *in);
    /* Makes cuDNN compute both directions of attention from now on where first is NULL. A shape for which it
     * has no kernel is then an error of the device, and pointers must be 16-byte aligned. cuDNN is first
     * compared with the backend's own kernels, on random numbers of shape s. It sums the gradients of q in no
     * fixed order, so equal inputs no longer give equal bits. Must be called before the first op. Returns 0,
     * or -1 with a clause in err: cuDNN is absent, does not support this shape, or gave different results. */
    int (*use_cudnn)(struct device *dev, struct attention_shape s, char *err, size_t cap);
    /* Decoding: n new tokens of ONE sequence at positions past..past+n-1. The rows of q (n) are (H+Hkv)*D
     * apart, as in qk. kcache, vcache (T_max, Hkv*D) act already hold the rows of the new tokens (kv_append).
     * out (n, H*D) is written. When past_at is not NULL the device reads `past` there, and the argument is
     * only its upper bound, so that a replay can serve a growing cache. */
    void (*attention_cached)(struct device *dev, void *out, const void *qk, const void *kcache,
                             const void *vcache, int n, int past, const int32_t *past_at, int H, int Hkv,
                             int D);
    /* Copies the k part of qk and the v part of qkv (n rows) to rows past..past+n-1 of the caches. */
    void (*kv_append)(struct device *dev, void *kcache, void *vcache, const void *qk, const void *qkv, int n,
                      int past, const int32_t *past_at, int H, int Hkv, int D);

    /* y (N,F) = silu(gate) * up, where a row of gate_up (N,2F) holds gate, then up. Shazeer 2020,
     * arXiv:2002.05202 */
    void (*swiglu_forward)(struct device *dev, void *y, const void *gate_up, int N, int F);
    void (*swiglu_backward)(struct device *dev, void *dgate_up, const void *dy, const void *gate_up, int N,
                            int F);

    /* Softmax cross-entropy in nats. loss (N) f32 is written: -log p[target], or 0 where target < 0. logits
     * (N,V): when scale != 0 they are overwritten with scale * dloss/dlogits (rows of zeros where target <
     * 0). */
    void (*cross_entropy)(struct device *dev, float *loss, void *logits, const int32_t *targets, int N, int V,
                          float scale);

    /* conversion between act and f32 */
    void (*to_act)(struct device *dev, void *dst, const float *src, size_t n);
    void (*to_f32)(struct device *dev, float *dst, const void *src, size_t n);
    /* act vectors: y = a x + b y; b == 0: y is not read */
    void (*axpby)(struct device *dev, void *y, float a, const void *x, float b, size_t n);

    /* Ops on f32 vectors; results are sums in double, added in a fixed order. */
    double (*sum_squares)(struct device *dev, const float *x, size_t n);
    double (*dot)(struct device *dev, const float *x, const float *y, size_t n);
    void (*axpy)(struct device *dev, float *y, float a, const float *x, size_t n); /* y += a x */
    void (*scale)(struct device *dev, float *x, float a, size_t n);
    /* x *= 1 / (|x| + eps), with |x| from sum_squares, but without waiting for the result. */
    void (*normalise)(struct device *dev, float *x, double eps, size_t n);
    /* One AdamW step on n weights. work (act, may be NULL) receives the new weights; in f32 mode it is theta
     * itself. */
    void (*adamw_step)(struct device *dev, float *theta, void *work, float *m, float *v, const float *g,
                       size_t n, struct adamw a);
    /* AdamW with m and v in bf16, rounded stochastically: up with a probability equal to the fraction that is
     * cut off. theta f32 and work are as in adamw_step; or theta is NULL, and the weights exist in work
     * alone, as bf16 that is rounded stochastically too (act must be bf16). Element i takes its random bits
     * from (seed, index + i), so every step needs another seed. */
    void (*adamw_step_bf16)(struct device *dev, float *theta, void *work, uint16_t *m, uint16_t *v,
                            const float *g, size_t n, struct adamw a, uint64_t seed, uint64_t index);

    /* Extrapolation of weights. All arrays are flat and laid out as theta is. D: k <= OPS_DIRECTIONS act
     * arrays; c (groups,k) f32 on the host: the elements of a span use the row of its group. Spans do not
     * overlap; elements outside of all spans are unchanged. work (act, may be NULL) receives a copy of the
     * result; in f32 mode it is theta (or y) itself. */
    /* mean = keep mean + (1-keep) theta; then, when ahead != 0, theta += ahead (theta - mean) and work =
     * theta */
    void (*ema_step)(struct device *dev, float *theta, void *work, float *mean, size_t n, float keep,
                     float ahead);
    /* y = x + sum_j c[g][j] D_j; y may be x */
    void (*combine)(struct device *dev, float *y, void *work, const float *x, const void *const *D, int k,
                    const float *c, const struct span *spans, int n_spans);
    /* act: d = keep d + gain (a - b) + sum_j c[g][j] D_j; d may be one of D (its old value counts); keep ==
     * 0: d is not read */
    void (*direction)(struct device *dev, void *d, float keep, float gain, const float *a, const float *b,
                      const void *const *D, int k, const float *c, const struct span *spans, int n_spans);
    /* out (n_groups,k+1,k+1) on the host is written: for each group, the inner products of D_0 .. D_{k-1} and
     * a - b (or a, when b is NULL). They are summed in a fixed order, with an error of at most 1e-5 of the
     * product of the two norms. */
    void (*gram)(struct device *dev, double *out, const void *const *D, int k, const float *a, const float *b,
                 const struct span *spans, int n_spans, int n_groups);
};

/* The CPU backend for this machine's instruction set (TRITTER_ISA=v2|v3|v4 asks for a lower one). */
const struct ops *ops_cpu(void);

/* The CUDA backend, on the first GPU that CUDA_VISIBLE_DEVICES leaves visible. Returns NULL and fills why (a
 * clause such as "no NVIDIA driver here") when the build, the machine or a library lacks something. */
const struct ops *ops_cuda(char *why, size_t cap);

/* Every op as the plain loop of its formula (kernels/reference/): the specification, and far too slow for any
 * but tiny models. */
const struct ops *ops_reference(void);

/* name: "cpu", "cuda", "reference", or "auto": CUDA where it works, otherwise the CPU. why says what decided.
 * Returns NULL when "cuda" was asked for and is not available. */
const struct ops *ops_choose(const char *name, char *why, size_t cap);

#endif
