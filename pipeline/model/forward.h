/*
 * forward.h - the parts of the forward pass that training and generation share
 */
#ifndef MODEL_FORWARD_H
#define MODEL_FORWARD_H

#include "pipeline/model/activations.h"

struct kv_cache {
    const struct weights *w; /* borrowed */
    struct activations *a;   /* owned: room for a chunk of tokens, or one token of each slot */
    int slots, T_max;
    int *len;  /* (slots) owned: tokens in each slot */
    int reach; /* the device reads a length from a->positions; while ops are replayed it is at most this */
    const int *fed; /* the slots of the texts in this pass, whose rows come first */
    int n_fed;      /* how many. The rows of further texts are padding */
    char *base;     /* owned: of each slot, k and v of each layer, (T_max, Hkv*D) act */
};

/* weight: a matrix in the type that products use (act); gain: a gain or a bias (f32). */
const void *weight(const struct weights *w, enum param_kind kind, int layer);
const float *gain(const struct weights *w, enum param_kind kind, int layer);
const void *output_matrix(const struct weights *w);
/* y = x W^T for N rows of x. W: a matrix of a layer, or adjacent ones, together of O rows and I columns. */
void multiply(const struct weights *w, void *y, const void *x, enum param_kind kind, int layer, int N, int I,
              int O);
void output_logits(const struct weights *w, void *logits, const void *x, int N); /* with the output matrix */
/* The inputs of these ops in layer l, for forward and backward. */
struct qk_norm_rope qk_norm_rope_inputs(const struct weights *w, const struct activations *a,
                                        const struct layer_acts *s, int l, int N);
struct attention attention_inputs(const struct weights *w, const struct activations *a,
                                  const struct layer_acts *s, int B, int T, bool masked);

/* Needs a->ids, a->positions (and a->first when masked) and computes all activations up to a->norm_last.
 * Without kv, attention is within B sequences of T tokens. With kv, the T tokens of each sequence follow
 * those in its slot (kv->fed), which receives their keys and values. */
void forward_layers(const struct weights *w, struct activations *a, int B, int T, bool masked,
                    struct kv_cache *kv);
/* Computes one layer up to s->hidden, from s->norm_attn. */
void layer_forward(const struct weights *w, struct activations *a, const struct layer_acts *s, int l, int B,
                   int T, bool masked, struct kv_cache *kv);
/* Hashes everything that a sequence of ops depends on besides the contents of memory: its key for replay. */
uint64_t replay_key(const uint64_t *words, size_t n);
/* Copies n act elements to the host as f32. */
void download_f32(const struct weights *w, float *dst, const void *src, size_t n);

#endif
