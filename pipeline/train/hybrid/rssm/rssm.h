/*
 * rssm.h - learned dynamics of training: a small recurrent state-space model of a sequence of blocks of steps
 *
 * G groups of k coefficients, and one scalar dL, the loss of the next block less what is expected of it. What
 * they stand for is the caller's affair (train/outlook.h). Coefficients are forecast around a prior a0 and
 * are exactly the prior at the start.
 *
 *   r = rssm_new(&cfg)
 *   rssm_begin(r)                       a sequence begins
 *   each block t:
 *       rssm_observe(r, &block, &serial)  the block just ended: h_t, then z_t from the posterior
 *       rssm_forecast(r, plan, n, &f)     any number of times: imagine n blocks under a plan
 *       rssm_act(r, u)                    what is done until the next observe; exactly once
 *       rssm_target(r, serial, &target)   when it is known, what a forecast of that block should have been
 *   rssm_train_step(r, &stats)          any number of times
 *
 * Model (Hafner et al. 2023, arXiv:2301.04104, with Gaussian latents; sizes in struct rssm_config):
 *   x'  = (x - mean) / deviation, running, cut at +-5       e_t = W2 SiLU(W1 x')
 *   h_t = GRU(h_{t-1}, [z_{t-1}, e_{t-1}, u_{t-1}])
 *   prior p(z_t | h_t), posterior q(z_t | h_t, e_t)         diagonal Gaussians, reparameterised
 *   x^  = W [h_t, z_t]       reconstruction of x': what imagination feeds the encoder, since there is no x to
 *                            encode in the future
 *   heads, an ensemble of M members m:
 *   c_g = a0_g + 0.5 tanh(MLP_m([h, z, phi_g]))
 *   dL  with a variance, from [h, z, u], in units of the running deviation of the targets; at the start their
 *       running mean. Deviations given out are multiplied by how far forecasts made so far were off in
 *       deviations (root mean square of the last 50 or so), since networks are too sure of themselves.
 *
 * Loss, a mean over rows and steps of
 *   mean_m { sum_g (c-a*)' G_g (c-a*) / tr G_g + NLL(dL) } + w_recon |x^ - x'|^2 / 2
 *   + beta (0.5 max(1, KL(sg q || p)) + 0.1 max(1, KL(q || sg p)))
 * where members see a block with probability `bootstrap`, a target that was not given counts nothing, and sg
 * stops gradients. Every weight is trained by truncated backpropagation through `seq` blocks replayed from a
 * buffer; the state that a sequence begins with is the one stored, refreshed each time that its block is
 * replayed.
 *
 * Pure and deterministic: equal calls give equal bits; all randomness is a counter-based generator whose
 * state is saved. No call but rssm_new allocates. None prints or exits. A struct rssm is used by one thread
 * at a time.
 */
#ifndef RSSM_RSSM_H
#define RSSM_RSSM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pipeline/train/hybrid/arrays.h"

enum {
    RSSM_OK = 0,
    RSSM_EORDER = -1, /* observe without act since the last observe, or forecast or act before any observe */
    RSSM_ENONFINITE = -2, /* a NaN or infinity was passed: nothing was changed */
    RSSM_EGONE = -3,      /* the block has left the replay buffer, or never was in it */
    RSSM_ERANGE = -4,     /* more blocks than max_blocks, or none */
};
const char *rssm_strerror(int e);

/* 165k weights with the defaults. Sizes are fixed for the life of a model and its checkpoints. */
struct rssm_config {
    int groups;     /* G; caller's. <= 4096 */
    int k;          /* 4 basis directions */
    int n_x;        /* 64 features of a block; unused ones may be constant */
    int n_u;        /* 16 numbers of an action: learning rates to come, ... */
    int n_phi;      /* 16 features of a group, of order 1: kind, depth, log norms, cosines, residuals, ... */
    int n_e;        /* 32, the encoder's output: key of the residual store */
    int enc_hidden; /* 128 */
    int n_h;        /* 128 */
    int n_z;        /* 16 */
    int latent_hidden; /* 64, in prior and posterior */
    int members;       /* 5 */
    int head_hidden;   /* 32, a member's, coefficients */
    int dl_hidden;     /* 24, a member's, dL */
    int samples;       /* 16 imagined trajectories */
    int max_blocks;    /* 8, the longest forecast */
    int capacity;      /* 512 blocks in the replay buffer */
    int seq, batch; /* 16 macro-steps, 4 sequences a train step: the latest one and three drawn at random */
    int min_blocks; /* 8: rssm_train_step does nothing before */
    float kl_prior, kl_posterior; /* 0.5, 0.1 */
    float free_nats;              /* 1 */
    float beta;                   /* 1 */
    float w_recon;                /* 0.1 (guess) */
    float bootstrap;              /* 0.8 */
    float lr, beta1, beta2, eps;  /* 1e-3, 0.9, 0.999, 1e-8 */
    float clip;                   /* 10, norm of the whole gradient */
    float
        whiten_rate; /* 0.01, the smallest weight of a new block in running means; 1/n while that is larger */
    uint64_t seed;
};
void rssm_config_default(struct rssm_config *c, int groups);

struct rssm;

/* NULL: no memory, or a size out of range. */
struct rssm *rssm_new(const struct rssm_config *c);
void rssm_free(struct rssm *r); /* NULL is fine */
size_t rssm_weights(const struct rssm *r);
const struct rssm_config *rssm_config(const struct rssm *r);

/* The inputs known at the end of a block. All are borrowed during the call, row-major, finite. */
struct rssm_block {
    const float *x;   /* (n_x) raw; whitening is ours */
    const float *phi; /* (G, n_phi) */
    const float *a0;  /* (G, k) analytic prior */
};
/* *serial: the block's number from 0, for rssm_target. */
int rssm_observe(struct rssm *r, const struct rssm_block *b, uint64_t *serial);
/* A new sequence begins: the recurrent state is zero again, and so is the generator of random numbers, so
 * that equal sequences have equal forecasts. Where every sequence has `seq` blocks, training replays them
 * whole. */
void rssm_begin(struct rssm *r);
/* From now on blocks are met, not learned from: what whitens x stays as it is. */
void rssm_freeze(struct rssm *r);
/* u: (n_u), of order 1. */
int rssm_act(struct rssm *r, const float *u);

/* The values that the forecast made after block `serial` should have had. A part that is not known (yet) is
 * NULL; parts may come in several calls, of which the last one counts. */
struct rssm_target {
    const float *a;    /* (G, k) a*; needs gram */
    const float *gram; /* (G, k, k) G_g, any scale; a group whose trace is not > 0 counts nothing */
    const float *dl;   /* (1) of the block after `serial` */
};
int rssm_target(struct rssm *r, uint64_t serial, const struct rssm_target *t);

/* The encoder's features of the last observed block (n_e), all zero before. Valid until the next call on r.
 */
const float *rssm_features(const struct rssm *r);
/* The recurrent state h (n_h) that the last observed block was met with. */
const float *rssm_state(const struct rssm *r);

/* Blocks ahead under a plan. Arrays are owned by f; N = blocks, MS = samples * members trajectories. Block 0
 * is drawn from the posterior of the last observed block, what follows from the prior. */
struct rssm_forecast {
    int blocks;
    float *c, *c_std;   /* (N, G, k) mean and deviation over the trajectories */
    float *dl, *dl_std; /* (N) dL of each block: mean; deviation with the predicted variance */
};
/* NULL arrays and -1: no memory. Room for max_blocks. */
int rssm_forecast_alloc(struct rssm_forecast *f, const struct rssm_config *c);
void rssm_forecast_free(struct rssm_forecast *f);
/* plan: (blocks, n_u), the action of each block, as for rssm_act. Uses up random numbers. phi and a0 stay
 * those of the last observed block. */
int rssm_forecast(struct rssm *r, const float *plan, int blocks, struct rssm_forecast *f);

struct rssm_stats {
    bool trained; /* false: too few blocks, or gradients not finite (then the weights are as they were) */
    float loss, coef, dl, recon, kl; /* kl: nats before free bits and weights; dl: of those that have a
                                        target; coef: sum over groups */
    float grad_norm;                 /* before clipping */
};
void rssm_train_step(struct rssm *r, struct rssm_stats *s);

/* Everything that later calls depend on. Returns how many arrays there are; writes at most cap. */
size_t rssm_arrays(struct rssm *r, struct state_array *out, size_t cap);
/* After loading: 0, or -1 with err naming the array, the place and the reason. */
int rssm_check(struct rssm *r, char *err, size_t cap);

#endif
