/*
 * linear.h - linear layers and two-layer networks over rows, forward and backward
 *
 * A model's weights are one flat array w; a layer knows its offsets in it, and gradients g have the same
 * layout.
 *
 *   linear   y[r, j] = b[j] + sum_i x[r, i] W[i, j]      W: (in, out) row-major
 *            with groups > 1 a row holds `groups` vectors side by side, each with weights of its own:
 *            W (groups, in, out), b (groups, out)
 *   mlp      y = second(SiLU(first(x)))                  SiLU(a) = a sigmoid(a), Elfwing et al. 2018
 *
 * Everything is summed in a fixed order. Backward calls add to dx and g.
 */
#ifndef RSSM_LINEAR_H
#define RSSM_LINEAR_H

#include <stddef.h>

#include "pipeline/train/hybrid/rssm/real.h"

#define LINEAR_NO_BIAS ((size_t)-1)

struct linear {
    int groups, in, out;
    size_t w, b; /* offsets; b LINEAR_NO_BIAS: none */
};

/* Takes the layer's weights from *next on. */
void linear_layout(struct linear *l, int groups, int in, int out, int bias, size_t *next);
void linear_forward(const struct linear *l, const real *w, real *y, const real *x, int n);
void linear_add(const struct linear *l, const real *w, real *y, const real *x, int n); /* y += x W, no bias */
void linear_backward_input(const struct linear *l, const real *w, real *dx, const real *dy, int n);
void linear_backward_weight(const struct linear *l, real *g, const real *dy, const real *x, int n);

/* a (n) preactivations become SiLU(a); sig: sigmoid(a). */
void silu_forward(real *a, real *sig, size_t n);
/* d (n) gradients of outputs become those of inputs. SiLU' = sig + act (1 - sig). */
void silu_backward(real *d, const real *act, const real *sig, size_t n);

struct mlp {
    struct linear first, second;
};

/* act, sig: (n, first.groups * first.out), kept for backward. */
void mlp_forward(const struct mlp *m, const real *w, real *y, const real *x, real *act, real *sig, int n);
/* dx may be NULL. scratch: as act. */
void mlp_backward(const struct mlp *m, const real *w, real *g, real *dx, const real *dy, const real *x,
                  const real *act, const real *sig, real *scratch, int n);

#endif
