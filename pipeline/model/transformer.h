/*
 * transformer.h - forward and backward of the whole model over kernels/ops.h; knows no backend
 *
 * The caller owns weights (struct weights below); struct model owns the activations of one
 * micro-batch (training), or a KV cache (generation).
 */
#ifndef MODEL_TRANSFORMER_H
#define MODEL_TRANSFORMER_H

#include "kernels/ops.h"
#include "pipeline/model/params.h"

/* The first values of matrices; gains begin at 1. */
enum init {
    INIT_SMALL, /* Normal(0, 0.02), output projections scaled by 1/sqrt(2L): GPT-2's */
    INIT_UNIT,  /* an embedding of about unit length an element, hidden matrices Normal(0, 1/columns),
                 * projections  into the residual stream zero, an output matrix near zero: every layer begins
                 * as  the  identity. It needs an output matrix of its own. */
};

struct weights {
    const struct ops *ops;
    struct device *dev;
    struct model_config c;
    struct params layout;
    enum dtype act;
    float *
        theta; /* master weights, f32, layout.total elements; NULL: work is all there is, but for the gains */
    void *work;   /* act copy of theta that products use; == theta when act is f32 */
    float *gains; /* without theta: the gains, f32, layout.gains elements */
    enum init init;
    float *rope; /* (c.T, c.D) f32: cosines, then sines */
    int depth;   /* layers 0 .. depth-1 take part in passes, the others wait (train/growth.h); c.L at first */
};

/* Allocates and zeroes. -1 with err: no memory (with the numbers), or the device's attention takes no heads
 * so wide. */
int weights_alloc(struct weights *w, const struct ops *ops, struct device *dev, enum dtype act,
                  const struct model_config *c, char *err, size_t cap);
/* Weights in bf16 alone, without theta: for an optimizer that rounds stochastically. */
int weights_alloc_bf16(struct weights *w, const struct ops *ops, struct device *dev,
                       const struct model_config *c, char *err, size_t cap);
size_t weights_bytes(const struct params *layout, const struct model_config *c, enum dtype act,
                     bool bf16_alone);

/* An array of the layout in the device's memory. */
struct weight_array {
    void *p;      /* layout.total elements */
    bool bf16;    /* otherwise f32 */
    float *gains; /* with bf16, NULL: p has them too; otherwise they are here */
};
struct weight_array weights_array(const struct weights *w); /* the weights themselves */
/* Elements from .. from+n of a parameter, as f32 on the host. put may use host's memory for itself. */
void weight_array_get(const struct weights *w, struct weight_array f, const struct param *p, size_t from,
                      size_t n, float *host);
void weight_array_put(const struct weights *w, struct weight_array f, const struct param *p, size_t from,
                      size_t n, float *host);
void weights_free(struct weights *w);
/* First values as w->init says. The same seed gives the same weights on every backend. -1: no memory on the
 * host. */
int weights_init(struct weights *w, uint64_t seed);
/* Zeroes the output projections of the layers from `from` on, which makes them exact identities. -1: no
 * memory on the host. */
int weights_silence(struct weights *w, int from);
/* Gives layers from .. to-1 their first values again. -1: no memory on the host. */
int weights_revive(struct weights *w, uint64_t seed, int from, int to);
void weights_publish(struct weights *w); /* work = theta, where there is a theta */

struct activations; /* buffers for micro-batches of up to B x T */
enum activations_mode {
    ACT_FORWARD,   /* no backward pass: one layer's buffers */
    ACT_TRAIN,     /* keeps what the backward pass needs of every layer */
    ACT_RECOMPUTE, /* keeps each layer's input; the backward pass computes the layer again. The same bits. */
};
/* Room for w->depth layers. NULL with err: no memory (with the numbers), T longer than the model's context,
 * or more sequences than attention takes. */
struct activations *activations_alloc(const struct weights *w, int B, int T, enum activations_mode mode,
                                      char *err, size_t cap);
void activations_free(struct activations *a);
/* What activations_alloc takes from the device, exactly. */
size_t activations_bytes(const struct ops *ops, const struct model_config *c, enum dtype act, int B, int T,
                         enum activations_mode mode);
/* The most that the device takes beside that in training steps. */
size_t model_scratch_bytes(const struct ops *ops, struct device *dev, const struct model_config *c,
                           enum dtype act, int B, int T);

/* tokens (B,T+1) on the host: inputs tokens[:,0..T), targets tokens[:,1..T]; a target < 0 does not count (as
 * an input it is read as token 0). B*T and T within what the activations were made for. doc_mask_eos >= 0:
 * attention does not cross that token. loss (B*T) host array of -log p, written. grad: layout.total f32
 * device array, becomes grad_scale * d(sum of losses)/d(theta), grad_scale not 0 (what lies between tensors
 * is left alone); NULL: forward only. */
void model_run(const struct weights *w, struct activations *a, const int32_t *tokens, int B, int T,
               int doc_mask_eos, float *loss, float *grad, float grad_scale);
/* The same without waiting: loss is filled when ops->sync returns. tokens may be changed at once. accumulate:
 * adds to grad. */
void model_submit(const struct weights *w, struct activations *a, const int32_t *tokens, int B, int T,
                  int doc_mask_eos, float *loss, float *grad, float grad_scale, bool accumulate);
/* Logits (B*T, V) of every position into a host f32 array (tests, interop); forward only. */
void model_logits(const struct weights *w, struct activations *a, const int32_t *tokens, int B, int T,
                  float *logits);

/* Generation: one sequence of up to T_max tokens (T_max <= c.T). */
struct kv_cache;
struct kv_cache *kv_cache_alloc(const struct weights *w, int T_max, char *err, size_t cap);
void kv_cache_free(struct kv_cache *kv);
/* Feeds n tokens at positions len..len+n-1, writes the logits (V) of the last one to the host. */
void model_extend(const struct weights *w, struct kv_cache *kv, const int32_t *tokens, int n, float *logits);
int kv_cache_len(const struct kv_cache *kv);
void kv_cache_truncate(struct kv_cache *kv, int len);

#endif
