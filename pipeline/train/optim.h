/*
 * optim.h - AdamW or Muon over the flat arrays: state, clipping, and which weights decay
 *
 * Matrices decay, gains do not. Parameters that lie side by side and are of one group are one run, so that a
 * step is a few large calls; with Muon each hidden matrix is a call of its own (muon.h) and its part of v
 * stays zero. The padding between them is zero in weights, gradient and state, and stays zero.
 */
#ifndef TRAIN_OPTIM_H
#define TRAIN_OPTIM_H

#include "pipeline/model/transformer.h"
#include "pipeline/train/muon.h"

/* Parameters that share a learning rate. */
enum optim_group { OPTIM_HIDDEN, OPTIM_EMBEDDING, OPTIM_HEAD, OPTIM_NORM, OPTIM_GROUPS };

struct optim_span {
    enum optim_group group;
    size_t offset, n;
    size_t gain_offset; /* of a run of gains */
    bool decays;
    int layer; /* -1: of none. No run reaches over two layers: a layer ends with a matrix, the next
                  begins with a gain */
    const struct param *muon; /* the one matrix of this run, or NULL: AdamW */
};

struct optim_age { /* of a layer: of its bias correction */
    uint64_t updates;
    double beta2_power; /* product of their beta2 */
};

struct optim {
    void *m, *v;             /* device, side by side the elements of `own`, f32 or (bf16_state) bf16; owned */
    const struct range *own; /* what this process updates, in the order of the flat array, and others do not;
                                borrowed. NULL: all of it */
    size_t n_own, n;         /* ranges; elements in them, set by optim_alloc */
    bool bf16_state;         /* m and v are bf16, rounded stochastically; so are weights that have no theta */
    struct optim_span *spans; /* owned */
    size_t n_spans;
    uint64_t t;         /* updates so far: of the bias correction of what is in no layer */
    double beta2_power; /* product of their beta2: the same */
    struct optim_age
        *ages; /* of each layer, which counts from the update in which it first took part; owned */
    float beta1, beta2, eps, weight_decay, clip; /* clip 0: none */
    float rate[OPTIM_GROUPS];                    /* of each group, in units of the step's learning rate */
    bool use_muon;
    float momentum; /* Muon's */
    struct muon muon;
};

#define OPTIM_EQUAL_RATES                                                                                    \
    {                                                                                                        \
        1, 1, 1, 1                                                                                           \
    }

/* The output matrix's group is the embedding's when the two are one matrix. */
enum optim_group optim_group_of(const struct param *p);
/* -1 with err: no memory. The caller has set own, n_own, bf16_state and beta1 .. momentum. */
int optim_alloc(struct optim *o, const struct weights *w, char *err, size_t cap);
void optim_free(struct optim *o, const struct weights *w);
/* Returns the bytes of device memory that alloc takes for n elements. */
size_t optim_bytes(const struct params *layout, size_t n, enum dtype act, bool use_muon, bool bf16_state);
size_t optim_element(const struct optim *o); /* bytes of an element of m or v */
/* An array that is laid out like the weights, of the elements of m or v. */
struct weight_array optim_array(const struct optim *o, void *whole);
double optim_grad_norm(const struct weights *w, const float *grad);
/* One update of the own elements of w (master and working copy) with grad, whose norm is given.
 * share: of a batch that its rows were, 1: all. The memory of v and the decay of weights are per batch, so
 * that they stay what they were in tokens when a batch is taken in several updates. Weights decay by lr *
 * weight_decay whatever the rate of their group, so that a group's rate says how fast it learns and nothing
 * else; at a rate of 0 a group stays as it is. */
void optim_step(struct optim *o, struct weights *w, const float *grad, double norm, double lr, double share);

#endif
