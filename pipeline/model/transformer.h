/*
 * transformer.h - forward and backward of the whole model through kernels/ops.h, for any backend
 *
 * The caller owns weights (struct weights below); struct model owns the activations of one
 * micro-batch (training), or a KV cache (generation).
 */
#ifndef MODEL_TRANSFORMER_H
#define MODEL_TRANSFORMER_H

#include "kernels/ops.h"
#include "pipeline/model/params.h"

/* How matrices are initialised; gains begin at 1. */
enum init {
    INIT_SMALL, /* Normal(0, 0.02), with output projections scaled by 1/sqrt(2L), as in GPT-2 */
    INIT_UNIT,  /* rows of the embedding have elements of about unit size, hidden matrices are Normal(0,
                   1/columns), projections into the residual stream are zero, and the output matrix is near
                   zero: every layer begins as the identity. This needs an output matrix of its own. */
};

struct weights {
    const struct ops *ops;
    struct device *dev;
    struct model_config c;
    struct params layout;
    enum dtype act;
    float *theta;  /* master weights, f32, layout.total elements; NULL: only work exists, and gains */
    void *work;    /* copy of theta in act for matrix products; == theta when act is f32 */
    float *gains;  /* when theta is NULL: the gains, f32, layout.gains elements */
    int8_t *q;     /* the matrices in int8, laid out as theta is (weights_quantise); NULL: work holds them */
    float *scales; /* of q: layout.matrix_rows elements */
    void *map;     /* the file that theta and work are in; NULL: they were allocated */
    size_t map_bytes;
    enum init init;
    float *rope; /* (c.T, c.D) f32: cosines, then sines */
    int depth;   /* layers 0 .. depth-1 take part in passes, later ones are inactive (train/growth.h); c.L at
                    first */
    int held;    /* above 0: the embedding and the layers 0 .. held-1 have gradients of zero, and backward
                    passes end above them (train/choice.h) */
};

/* Allocates and zeroes the weights. Returns -1 with err when there is no memory (with the numbers), or when
 * the device's attention does not support such wide heads. */
int weights_alloc(struct weights *w, const struct ops *ops, struct device *dev, enum dtype act,
                  const struct model_config *c, char *err, size_t cap);
/* Allocates weights in bf16 alone, without theta, for an optimizer that rounds stochastically. */
int weights_alloc_bf16(struct weights *w, const struct ops *ops, struct device *dev,
                       const struct model_config *c, char *err, size_t cap);
/* Takes weights from a mapped file: theta is NULL, or in f32 the same as work. The gains are allocated when
 * theta is NULL. The caller sets map, so that weights_free unmaps it. */
int weights_alloc_around(struct weights *w, const struct ops *ops, struct device *dev, enum dtype act,
                         const struct model_config *c, float *theta, void *work, char *err, size_t cap);
/* Moves weights out of a mapped file into the device's own memory, on huge pages. Each token of generation
 * then takes two thirds of the time; the move costs what 20 to 100 tokens gain, by how scattered free memory
 * is. Without memory they stay where they are. */
void weights_settle(struct weights *w);
/* Puts int8 with a scale for each row in the place of matrices in bf16 alone, which are freed: half of the
 * bytes, for passes without a backward one. Returns -1 with err when there is no memory, or when the backend
 * has no such products. */
int weights_quantise(struct weights *w, char *err, size_t cap);
size_t weights_bytes(const struct params *layout, const struct model_config *c, enum dtype act,
                     bool bf16_alone);

/* An array in device memory that is laid out like the weights. */
struct weight_array {
    void *p;      /* layout.total elements */
    bool bf16;    /* p is bf16; otherwise f32 */
    float *gains; /* gains in f32 when p is bf16; NULL: p contains them */
};
struct weight_array weights_array(const struct weights *w); /* the weights themselves as such an array */
/* Copies elements from .. from+n of a parameter, as f32, to or from the host. put may use the host buffer as
 * scratch. */
void weight_array_get(const struct weights *w, struct weight_array f, const struct param *p, size_t from,
                      size_t n, float *host);
void weight_array_put(const struct weights *w, struct weight_array f, const struct param *p, size_t from,
                      size_t n, float *host);
void weights_free(struct weights *w);
/* Initialises the weights as w->init says. Equal seeds give equal weights on every backend. Returns -1 when
 * there is no memory on the host. */
int weights_init(struct weights *w, uint64_t seed);
/* Zeroes the output projections of the layers from `from` on, which makes these layers exact identities.
 * Returns -1 when there is no memory on the host. */
int weights_silence(struct weights *w, int from);
size_t weights_held(const struct weights *w); /* elements that are held: the first ones of the flat array */
void weights_publish(struct weights *w);      /* copies theta to work, if theta exists */

struct activations; /* buffers for micro-batches of up to B x T */
enum activations_mode {
    ACT_FORWARD,   /* no backward pass: buffers of a single layer */
    ACT_TRAIN,     /* keeps the activations of every layer that the backward pass needs */
    ACT_RECOMPUTE, /* keeps each layer's input; the backward pass computes the layer again, with equal bits */
};
/* The buffers have room for w->depth layers. Returns NULL with err when there is no memory (with the
 * numbers), T is longer than the model's context, or there are more sequences than attention supports. */
struct activations *activations_alloc(const struct weights *w, int B, int T, enum activations_mode mode,
                                      char *err, size_t cap);
void activations_free(struct activations *a);

/* Told where a pass has come to, by whoever wants to know: a trace, or sums of gradients that begin before
 * the backward pass ends. Only for devices that compute at once and do not replay (ops->host_memory). */
enum pass_point {
    PASS_BEGIN,    /* the forward pass begins: layer -1 */
    PASS_FORWARD,  /* the layer is computed */
    PASS_BACKWARD, /* the gradient of all parameters from this layer's first on (pass_complete) is complete;
                      w->depth: those behind the layers that take part; -1: all */
};
struct pass_watch {
    void (*reached)(void *arg, enum pass_point point, int layer); /* NULL: nobody watches */
    void *arg;
};
void activations_watch(struct activations *a, struct pass_watch watch);
/* Where in the flat array the gradient is complete from, after PASS_BACKWARD. */
size_t pass_complete(const struct weights *w, int layer);
/* Exactly the bytes that activations_alloc takes from the device. */
size_t activations_bytes(const struct ops *ops, const struct model_config *c, enum dtype act, int B, int T,
                         enum activations_mode mode);
/* The most scratch memory that the device takes in addition during training steps. */
size_t model_scratch_bytes(const struct ops *ops, struct device *dev, const struct model_config *c,
                           enum dtype act, int B, int T);

/* tokens (B,T+1) on the host: inputs tokens[:,0..T), targets tokens[:,1..T]; a target < 0 does not count (as
 * an input it is read as token 0). B*T and T must be within the sizes of the activations. doc_mask_eos >= 0:
 * attention does not cross that token. loss, a host array of B*T, receives -log p. grad, an f32 device array
 * of layout.total elements, becomes grad_scale * d(sum of losses)/d(theta), with grad_scale not 0 (padding
 * between tensors is unchanged); NULL: forward only. */
void model_run(const struct weights *w, struct activations *a, const int32_t *tokens, int B, int T,
               int doc_mask_eos, float *loss, float *grad, float grad_scale);
/* model_run without waiting: loss is filled when ops->sync returns. tokens may be changed at once.
 * accumulate: adds to grad. */
void model_submit(const struct weights *w, struct activations *a, const int32_t *tokens, int B, int T,
                  int doc_mask_eos, float *loss, float *grad, float grad_scale, bool accumulate);
/* Writes the logits (B*T, V) of every position into a host f32 array, for tests and interop; forward only. */
void model_logits(const struct weights *w, struct activations *a, const int32_t *tokens, int B, int T,
                  float *logits);

/* For generation: keys and values of several texts. Each slot holds one text of up to T_max tokens
 * (T_max <= c.T). Equal tokens that are fed in equal pieces have equal bits in every slot, whatever else is
 * in the cache or in the same step. */
struct kv_cache;
enum {
    KV_CHUNK = 128
}; /* tokens of a prompt computed at once: products of this height run near full speed */
struct kv_cache *kv_cache_alloc(const struct weights *w, int slots, int T_max, char *err, size_t cap);
void kv_cache_free(struct kv_cache *kv);
size_t kv_cache_bytes(const struct weights *w, int slots, int T_max); /* without its activations */
int kv_cache_room(const struct kv_cache *kv);                         /* T_max */
int kv_cache_len(const struct kv_cache *kv, int slot);
void kv_cache_truncate(struct kv_cache *kv, int slot, int len);
/* Makes the first len tokens of slot `to` those of slot `from`. */
void kv_cache_copy(struct kv_cache *kv, int to, int from, int len);
/* Feeds n tokens at positions len..len+n-1 of a slot and writes the logits (V) of the last one to the host.
 * logits NULL: they are not computed. */
void model_extend(const struct weights *w, struct kv_cache *kv, int slot, const int32_t *tokens, int n,
                  float *logits);
/* After model_extend of at most KV_CHUNK tokens: the logits (n,V) of those from the first-th on, to the host.
 */
void model_chunk_logits(const struct weights *w, struct kv_cache *kv, int first, int n, float *logits);
/* Feeds one token to each of n slots, which all differ, and writes the logits (n,V) to the host. */
void model_step(const struct weights *w, struct kv_cache *kv, int n, const int *slots, const int32_t *tokens,
                float *logits);

#endif
