/*
 * muon.h - the Muon update of one matrix: momentum, orthogonalised
 *
 *   m = mu m + g          u = g + mu m                            (Nesterov)
 *   O = NewtonSchulz5(u / |u|)       singular values pushed near 1
 *   theta = (1 - lr wd) theta - lr 0.2 sqrt(max(rows, cols)) O
 *
 * The factor makes the root mean square of an update that of AdamW, so that both share
 * one learning rate and one weight decay.
 * Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers" (the iteration and its
 * coefficients); Liu et al. 2025, arXiv:2502.16982 (the factor). The iteration on the Gram matrix alone, in
 * f32 and where one side is twice the other or more, is the same polynomial: O = P(U U^T) U.
 */
#ifndef TRAIN_MUON_H
#define TRAIN_MUON_H

#include "pipeline/model/transformer.h"

struct muon {
    float *u;    /* f32, the largest matrix; all owned, on the device */
    void *x, *y; /* act, the largest matrix */
    float *gram; /* f32, (k,k), k the largest of the matrices' shorter sides */
    void *a, *b; /* act, (k,k) */
};

/* Hidden matrices: the update is meant for these. Embedding, output matrix and gains stay with AdamW. */
bool muon_takes(const struct param *p);
/* Returns the FLOPs of the products in one update of its matrices in the first `depth` layers. */
double muon_flops(const struct params *layout, int depth, enum dtype act);
size_t muon_bytes(const struct params *layout, enum dtype act);
int muon_alloc(struct muon *s, const struct weights *w); /* -1: no memory */
void muon_free(struct muon *s, const struct weights *w);
/* m: the momentum of this matrix; updated. grad is multiplied by grad_scale first. */
void muon_step(struct muon *s, struct weights *w, const struct param *p, float *m, const float *grad,
               float grad_scale, float lr, float momentum, float weight_decay);

#endif
