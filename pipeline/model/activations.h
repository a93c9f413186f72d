/*
 * activations.h - the buffers of one micro-batch, carved from one device allocation
 *
 * N = B*T rows; Q = (H+2Hkv)*D, K = (H+Hkv)*D; act type unless said otherwise. ACT_TRAIN keeps a set of layer
 * buffers for each layer. ACT_RECOMPUTE keeps `in` for each layer and one set of all other buffers.
 * ACT_FORWARD has one set for all layers, in which `mid` is `in` and `norm_mlp` is `norm_attn`.
 */
#ifndef MODEL_ACTIVATIONS_H
#define MODEL_ACTIVATIONS_H

#include "pipeline/model/transformer.h"

struct layer_acts {
    void *in;         /* (N,C) residual stream where the layer begins */
    void *norm_attn;  /* (N,C) */
    void *qkv;        /* (N,Q) */
    void *qk;         /* (N,K) after norm and rotation */
    void *att;        /* (N,H*D) */
    void *mid;        /* (N,C) residual stream after attention */
    void *norm_mlp;   /* (N,C) */
    void *gate_up;    /* (N,2F) */
    void *hidden;     /* (N,F) */
    float *rstd_attn; /* (N) f32 */
    float *rstd_qk;   /* (N,H+Hkv) f32 */
    float *lse;       /* (B,H,T) f32 */
    float *rstd_mlp;  /* (N) f32 */
};

struct activations {
    const struct weights *w; /* borrowed */
    struct pass_watch watch;
    size_t N; /* rows that the buffers have room for */
    enum activations_mode mode;
    int depth;    /* layers that the buffers have room for */
    char *base;   /* owned: everything below lies in it */
    char *layers; /* depth sets of layer_bytes, or one */
    size_t layer_bytes;
    char *inputs; /* ACT_RECOMPUTE: depth x (N,C); otherwise NULL */
    size_t input_bytes;
    void *last, *norm_last; /* (N,C) residual stream after the last layer, before and after the final norm */
    float *rstd_last;       /* (N) f32 */
    void *delta; /* (N,C) the sublayer output that the next norm adds to the residual stream; backward: d(a
                    norm's output) */
    void *dx;    /* (N,C) d(residual stream). This and the buffers below are NULL unless training */
    void *dgate_up,
        *dhidden; /* (N,2F), (N,F); share memory with the three below, since they are never in use together */
    void *dqkv, *dqk, *datt; /* (N,Q), (N,K), (N,H*D) */
    void *logits;            /* (logit_rows,V) */
    size_t logit_rows;
    float *loss;                                /* (N) f32 */
    int32_t *ids, *positions, *targets, *first; /* (N) each, side by side, so that one upload suffices */
    int32_t *host;                              /* owned: these four arrays on the host */
};

/* logit_rows: rows whose logits are held at once; 0: the number that suits the backend. */
struct activations *activations_new(const struct weights *w, int B, int T, enum activations_mode mode,
                                    size_t logit_rows, char *err, size_t cap);
struct layer_acts activations_layer(const struct activations *a, int l);
/* Tells whoever watches. */
void activations_reached(const struct activations *a, enum pass_point point, int layer);

#endif
