/*
 * net.h - the whole network over sequences: forward with its loss, and backpropagation through time
 *
 * Rows are time-major: step t of sequence b is row t B + b, so that what does not recur runs over all rows at
 * once.
 */
#ifndef RSSM_NET_H
#define RSSM_NET_H

#include <stdint.h>

#include "pipeline/train/hybrid/rssm/gru.h"
#include "pipeline/train/hybrid/rssm/heads.h"
#include "pipeline/train/hybrid/rssm/loss.h"

struct net {
    struct rssm_config c;
    struct mlp encoder;          /* x' -> e */
    struct mlp prior, posterior; /* h -> (2 Z); [h, e] -> (2 Z) */
    struct linear decoder;       /* [h, z] -> x' */
    struct gru gru;              /* [z, e, u] */
    struct heads heads;
    size_t n_weights;
};

struct net_input { /* rows R = T B, R <= what it was made for */
    int T, B;
    real *x;   /* (R, n_x) whitened */
    real *u;   /* (R, n_u) */
    real *phi; /* (R G, n_phi) */
    real *eps; /* (R, Z) standard normal */
    real *h0;  /* (B, H) state of the first step */
    struct loss_targets target;
};

struct net_work { /* activations of R rows and their gradients (d...) */
    real *e, *enc_act, *enc_sig, *de;
    real *h, *dh; /* (R, H) */
    real *q, *dq, *post_act, *post_sig, *p, *dp, *prior_act, *prior_sig;
    real *z, *dz;
    real *he, *dhe;             /* (R, H + E) what the posterior reads */
    real *zeu, *dzeu, *gx, *gh; /* (R, Z + E + U) what the GRU reads; its gates */
    real *hz, *dhz, *hzu, *dhzu;
    real *y, *dy; /* (R, n_x) reconstruction */
    struct heads_cache heads;
    real *draw, *ddl_raw, *scratch;
};

void net_layout(struct net *n, const struct rssm_config *c);
/* Normal weights of variance 1/in; last layers of the heads zero, biases zero. */
void net_init(const struct net *n, real *w, uint64_t seed);

/* One allocation each, freed by free(*memory); NULL memory and -1 when there is none. */
int net_input_alloc(const struct net *n, struct net_input *in, int T, int B, real **memory);
int net_work_alloc(const struct net *n, struct net_work *k, int rows, real **memory);

/* Parts, for the live state and for imagination; rows n. */
void net_encode(const struct net *n, const real *w, struct net_work *k, const real *x, int rows); /* k->e */
void net_posterior(const struct net *n, const real *w, struct net_work *k, const real *h, const real *e,
                   size_t first, int rows); /* k->q rows from first on */
void net_advance(const struct net *n, const real *w, struct net_work *k, real *next, const real *h,
                 const real *z, const real *e, const real *u, size_t first,
                 int rows); /* next = GRU(h, [z, e, u]) */
void net_read(const struct net *n, const real *w, struct net_work *k, const real *h, const real *z,
              const real *u, const real *phi, int rows); /* k->p, k->y, k->heads */
void net_change(const struct net *n, const real *w, struct net_work *k, const real *h, const real *z,
                const real *u, int rows); /* of k->heads, dl_raw alone */

/* Fills k and loss. k->h[t + 1] is computed for all but the last step. */
void net_forward(const struct net *n, const real *w, const struct net_input *in, struct net_work *k,
                 struct loss *loss);
/* Adds to g (n_weights). k as net_forward left it; it is used up. */
void net_backward(const struct net *n, const real *w, real *g, const struct net_input *in,
                  struct net_work *k);

#endif
