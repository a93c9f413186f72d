/*
 * gru.h - gated recurrent unit, forward and backward (Cho et al. 2014, the reset gate applied after the
 * product)
 *
 *   r = sigmoid(x Wr + br + h Ur + cr)         s = sigmoid(x Ws + bs + h Us + cs)
 *   n = tanh(x Wn + bn + r (h Un + cn))        h' = (1 - s) n + s h
 *
 * input: linear (in, 3 width), columns r s n; hidden: linear (width, 3 width). Rows are independent
 * sequences.
 */
#ifndef RSSM_GRU_H
#define RSSM_GRU_H

#include "pipeline/train/hybrid/rssm/linear.h"

struct gru {
    int width;
    struct linear input, hidden;
};

void gru_layout(struct gru *u, int in, int width, size_t *next);
/* gx: (n, 3 width) is left holding r, s, n; gh: (n, 3 width) h U + c. Both are kept for backward. next may be
 * h. */
void gru_forward(const struct gru *u, const real *w, real *next, const real *x, const real *h, real *gx,
                 real *gh, int n);
/* dnext: gradient of h'. Adds to dx and dh. gx and gh become the gradients of x W and h U, for
 * gru_backward_weight. h: what forward got. */
void gru_backward_input(const struct gru *u, const real *w, real *dx, real *dh, const real *dnext,
                        const real *h, real *gx, real *gh, int n);
/* Over the rows of any number of steps at once. */
void gru_backward_weight(const struct gru *u, real *g, const real *x, const real *h, const real *gx,
                         const real *gh, int n);

#endif
