/*
 * ops.h - the whole compute interface: one table of functions a backend fills
 *
 * Memory is the backend's: pointers given to ops come from alloc (or point into such memory)
 * and are read by the host only through download. Two element types:
 *   f32   master weights, gradients of weights, optimizer state, norm gains, statistics
 *   act   activations, gradients of activations and the working copy of the
 *         weights: bf16 or f32, fixed when the device is opened (`void *` below)
 * Row-major throughout. N = B*T rows (tokens). "writes" overwrites, "adds" accumulates.
 *
 * Equal inputs give equal bits for a given backend, instruction set and number of threads: reductions have a
 * fixed order, no atomics on floats.
 *
 * Ops never print or exit. Shapes are the caller's promise (asserted). What can fail at run time is memory,
 * in open and alloc; and a GPU, which `error` tells. Ops may run asynchronously; sync, download and what
 * returns a number wait.
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

struct attention {        /* what that op reads in both directions */
    const void *qk;       /* (N,(H+Hkv)*D) act: query heads, key heads, as qk_norm_rope_forward writes them */
    const void *qkv;      /* (N,(H+2Hkv)*D) act: its last Hkv heads are the values */
    const int32_t *first; /* (N): index within its sequence of the first key that a query may see (document
                             masks); NULL: 0 */
    struct attention_shape s;
};

struct adamw { /* Loshchilov & Hutter 2019, arXiv:1711.05101 */
    float lr, beta1, beta2, eps;
    float weight_decay; /* decoupled: theta -= lr * weight_decay * theta */
    float bias1, bias2; /* 1 - beta^t, t counted from 1 */
    float grad_scale;   /* clipping: gradient is multiplied by it first */
};

struct qk_norm_rope {         /* what that op reads in both directions */
    const void *qkv;          /* (N,(H+2Hkv)*D) act: a row holds query heads, key heads, value heads */
    const float *gq, *gk;     /* (D) gains of the query heads, of the key heads */
    const float *rope;        /* (T_max,D): row p holds cos(p*w_i) for i < D/2, then sin */
    const int32_t *positions; /* (N): p of each token */
    int N, H, Hkv, D;
};

enum { OPS_DIRECTIONS = 4 }; /* most that combine, direction and gram take */

struct span { /* elements [offset, offset + n) of every flat array belong to that group */
    size_t offset, n;
    int group;
};

struct step_extent { /* of training steps: what decides how much scratch they take */
    size_t x, w;     /* elements of the largest operand of a product: activations, weights */
    size_t weights;  /* elements of all weights */
    int C;
    struct attention_shape s;
};

struct sensors {       /* of a GPU; negative: not told */
    float utilization; /* percent of the last sample period in which a kernel ran */
    float celsius, watts;
    uint64_t memory_used, memory_total; /* bytes, of all its users */
};

struct ops {
    const char *name; /* "cpu x86-64-v4", "cuda" */
    /* What suits the backend. Logits held at once: rows enough for the products to be efficient. Tokens in a
     * micro-batch. */
    size_t logit_bytes;
    int micro_tokens;
    int widest_head;   /* D of its attention at most; 0: any */
    int update_tokens; /* an AdamW update takes about as long as a step on so many tokens */
    enum dtype (*fastest_act)(
        void); /* the act that training steps take the least time with, on this machine */

    /* threads 0: as many as the machine has. NULL and err filled on failure (bf16 always works on the CPU, if
     * slowly). */
    struct device *(*open)(enum dtype act, int threads, char *err, size_t cap);
    void (*close)(struct device *dev);
    const char *(*describe)(struct device *dev); /* "2 threads, AVX-512 bf16 (oneDNN 2.6)" */

    /* What failed since the device was opened, or NULL. After a failure results mean nothing. Asked where one
     * has waited. */
    const char *(*error)(struct device *dev);

    void *(*alloc)(struct device *dev, size_t bytes); /* zeroed, 64-byte aligned; NULL: no memory */
    void (*free)(struct device *dev, void *p);
    void (*upload)(struct device *dev, void *dst, const void *src, size_t bytes);
    void (*download)(struct device *dev, void *dst, const void *src, size_t bytes);
    /* Does not wait: dst is filled when sync returns, and is left alone until then. */
    void (*download_later)(struct device *dev, void *dst, const void *src, size_t bytes);
    void (*copy)(struct device *dev, void *dst, const void *src, size_t bytes);
    void (*zero)(struct device *dev, void *p, size_t bytes);
    void (*sync)(struct device *dev);
    size_t (*scratch_bytes)(struct device *dev); /* memory the backend took for itself so far */
    size_t (*scratch_limit)(struct device *dev,
                            const struct step_extent *e); /* the most it takes in training steps */
    /* Bytes that alloc can give now, and the device has in all; 0: its memory is the machine's. */
    size_t (*memory)(struct device *dev, size_t *total);
    bool (*sensors)(struct device *dev, struct sensors *out); /* false: it has none */
    double (*nominal_flops)(
        struct device *dev); /* of products of its type, as its maker says; 0: not known */

    /* A sequence of ops that is done again and again, unchanged, may be recorded and replayed as one:
     *     if (!o->replay(dev, key)) do { the ops } while (!o->recorded(dev));
     * recorded: false when a recording came to nothing, so that the ops are still to be done.
     * Whoever gives a key promises that the ops, their pointers and their scalars are those of the last time
     * with that key; what changes lies in the device's memory. Between the two: no upload, download, alloc,
     * free or sync, and nothing that returns a number. */
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
    /* dx (N,C) adds; dg (C) f32 writes, or adds when accumulate. x is what was normed. */
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

    /* A linear layer inside the transformer's blocks: in fp8 after use_fp8 where its sizes are multiples of
     * 16, otherwise exactly what the three above give. Backward writes dW, or adds to it when accumulate,
     * then writes dx. */
    void (*linear_maybe_fp8_forward)(struct device *dev, void *y, const void *x, const void *W, int N, int I,
                                     int O);
    void (*linear_maybe_fp8_backward)(struct device *dev, void *dx, float *dW, const void *dy, const void *x,
                                      const void *W, int N, int I, int O, bool accumulate);
    /* linear_maybe_fp8_* compute in fp8 from now on: x and W in e4m3, dy in e5m2, a scale for each tensor
     * from its largest magnitude; sums in f32. 0, or -1 and err (a clause): this device cannot. Before the
     * first op. */
    int (*use_fp8)(struct device *dev, char *err, size_t cap);

    /* Per-head RMSNorm of q and k, then rotate-half RoPE (Su et al. 2021, arXiv:2104.09864), as Qwen3 does.
     * qk (N,(H+Hkv)*D) and rstd (N,H+Hkv) f32 are written. */
    void (*qk_norm_rope_forward)(struct device *dev, void *qk, float *rstd, const struct qk_norm_rope *in,
                                 float eps);
    /* dqkv (N,(H+2Hkv)*D): the q and k parts are written; dgq, dgk (D) f32 write, or add when accumulate. */
    void (*qk_norm_rope_backward)(struct device *dev, void *dqkv, float *dgq, float *dgk, const void *dqk,
                                  const float *rstd, const struct qk_norm_rope *in, bool accumulate);

    /* Causal attention with grouped queries, scores scaled by 1/sqrt(D), O(T) memory (Dao 2023,
     * arXiv:2307.08691). out (N,H*D) is written; lse (B,H,T) f32, the log-sum-exp of the scores, too. */
    void (*attention_forward)(struct device *dev, void *out, float *lse, const struct attention *in);
    /* dqk (N,(H+Hkv)*D) is written, the v part of dqkv (N,(H+2Hkv)*D) is written. */
    void (*attention_backward)(struct device *dev, void *dqk, void *dqkv, const void *dout, const void *out,
                               const float *lse, const struct attention *in);
    /* Both by cuDNN from now on where first is NULL; a shape that it has no kernel for is then an error of
     * the device, and pointers are 16-byte aligned. It is compared with the backend's own first, on random
     * numbers of shape s. Its gradients of q are summed in no fixed order: equal inputs no longer give equal
     * bits. 0, or -1 and err (a clause): no cuDNN here, or not for this shape, or other results. Before the
     * first op. */
    int (*use_cudnn)(struct device *dev, struct attention_shape s, char *err, size_t cap);
    /* Decoding: n new tokens of ONE sequence at positions past..past+n-1. q rows (n, stride (H+Hkv)*D: qk's
     * layout). kcache, vcache (T_max, Hkv*D) act already hold the new tokens' rows (kv_append). out (n, H*D).
     * past_at not NULL: the device reads `past` there, and the argument is the most it may be (so that a
     * replay can serve a growing cache). */
    void (*attention_cached)(struct device *dev, void *out, const void *qk, const void *kcache,
                             const void *vcache, int n, int past, const int32_t *past_at, int H, int Hkv,
                             int D);
    /* Copies the k part of qk and the v part of qkv (n rows) to rows past..past+n-1 of the caches. */
    void (*kv_append)(struct device *dev, void *kcache, void *vcache, const void *qk, const void *qkv, int n,
                      int past, const int32_t *past_at, int H, int Hkv, int D);

    /* y (N,F) = silu(gate) * up; gate_up (N,2F): gate first. Shazeer 2020, arXiv:2002.05202 */
    void (*swiglu_forward)(struct device *dev, void *y, const void *gate_up, int N, int F);
    void (*swiglu_backward)(struct device *dev, void *dgate_up, const void *dy, const void *gate_up, int N,
                            int F);

    /* Softmax cross-entropy in natural log. loss (N) f32 written: -log p[target]; 0 where target < 0.
     * logits (N,V); when scale != 0 they are overwritten with scale * dloss/dlogits (0 rows where target <
     * 0). */
    void (*cross_entropy)(struct device *dev, float *loss, void *logits, const int32_t *targets, int N, int V,
                          float scale);

    /* act <-> f32 */
    void (*to_act)(struct device *dev, void *dst, const float *src, size_t n);
    void (*to_f32)(struct device *dev, float *dst, const void *src, size_t n);
    /* act vectors: y = a x + b y; b == 0: y is not read */
    void (*axpby)(struct device *dev, void *y, float a, const void *x, float b, size_t n);

    /* f32 vectors; results are fixed-order sums in double. */
    double (*sum_squares)(struct device *dev, const float *x, size_t n);
    double (*dot)(struct device *dev, const float *x, const float *y, size_t n);
    void (*axpy)(struct device *dev, float *y, float a, const float *x, size_t n); /* y += a x */
    void (*scale)(struct device *dev, float *x, float a, size_t n);
    /* x *= 1 / (|x| + eps), with |x| from sum_squares; nothing waits for it. */
    void (*normalise)(struct device *dev, float *x, double eps, size_t n);
    /* One AdamW step on n weights; work (act, may be NULL) receives the new weights. work == theta in f32
     * mode. */
    void (*adamw_step)(struct device *dev, float *theta, void *work, float *m, float *v, const float *g,
                       size_t n, struct adamw a);
    /* The same with m and v in bf16, rounded stochastically: up with the probability of what is cut off.
     * theta f32 and work as above; or theta NULL: the weights are in work alone, bf16 and rounded
     * stochastically too (the device's act is bf16). Element i takes its random bits from (seed, index + i):
     * another seed each step. */
    void (*adamw_step_bf16)(struct device *dev, float *theta, void *work, uint16_t *m, uint16_t *v,
                            const float *g, size_t n, struct adamw a, uint64_t seed, uint64_t index);

    /* Extrapolation of weights. All arrays are flat and laid out as theta is. D: k <= OPS_DIRECTIONS act
     * arrays; c (groups,k) f32 on the host: a span's elements use the row of its group. Spans do not overlap;
     * what lies in none is left alone. work (act, may be NULL) receives what was written, == theta (y) in f32
     * mode. */
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
    /* out (n_groups,k+1,k+1) on the host, written: inner products of D_0 .. D_{k-1} and a - b (b NULL: a)
     * over each group. In a fixed order, to 1e-5 of the product of the two norms. */
    void (*gram)(struct device *dev, double *out, const void *const *D, int k, const float *a, const float *b,
                 const struct span *spans, int n_spans, int n_groups);
};

/* The CPU backend for this machine's instruction set (TRITTER_ISA=v2|v3|v4 asks for a lower one). */
const struct ops *ops_cpu(void);

/* The CUDA backend, on the first GPU that CUDA_VISIBLE_DEVICES leaves visible. NULL and why filled (a clause:
 * "no NVIDIA driver here") when the build, the machine or a library lacks something. */
const struct ops *ops_cuda(char *why, size_t cap);

/* Every op as the plain loop of its formula (kernels/reference/): the specification, and far too slow for any
 * but tiny models. */
const struct ops *ops_reference(void);

/* name: "cpu", "cuda", "reference", or "auto": CUDA where it works, otherwise the CPU. why says what decided.
 * NULL: "cuda" was asked for and is not there. */
const struct ops *ops_choose(const char *name, char *why, size_t cap);

#endif
