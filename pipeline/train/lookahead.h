/*
 * lookahead.h - low-pass extrapolation of the weights on top of any optimizer: EMA-Nesterov and outer
 * Nesterov
 *
 * EMA-Nesterov, before every step, with m the average (factor gamma) of what whole steps, extrapolation
 * included, moved the weights by: theta += beta (lr / peak) m m needs no array of its own: with e = gamma e +
 * (1-gamma) theta, m = (theta - e) (1-gamma) / gamma. gamma 0 would be Nesterov's accelerated gradient.
 *
 * Outer Nesterov (SNOO; DiLoCo with one worker: Douillard et al. 2023, arXiv:2311.08105), after every K-th
 * step: d = theta - anchor     b = mu b + d     theta = anchor = anchor + eta (d + mu b)
 *
 * Both act from the end of the warm-up until the decay begins (schedule.h), where extrapolation starts to
 * hurt; EMA-Nesterov not before `start`: from step 6 on, with beta .6, a model of 0.9M weights was at 5.27
 * after 480 steps of 2,048 tokens, from step 200 on at 5.17, without at 5.20 (one seed; after the
 * decay 5.14, 5.02, 5.03). Between steps theta is what the optimizer left: nothing pends, so validation and
 * checkpoints need no special care.
 */
#ifndef TRAIN_LOOKAHEAD_H
#define TRAIN_LOOKAHEAD_H

#include "pipeline/model/transformer.h"
#include "pipeline/train/schedule.h"

struct lookahead {
    bool apart;        /* ranks train apart: every is when they meet (local.h), which makes the outer step */
    float beta, gamma; /* beta 0: no EMA-Nesterov */
    uint64_t start;    /* first step that it acts in, if that is after the warm-up */
    uint64_t every;    /* K; 0: no outer Nesterov */
    float eta, mu;
    float *mean;              /* e; device, f32, as theta; owned, NULL when not used */
    float *anchor, *velocity; /* b; the same */
};

/* -1: no memory. The caller has set beta .. mu. */
int lookahead_alloc(struct lookahead *l, const struct weights *w);
void lookahead_free(struct lookahead *l, const struct weights *w);
size_t lookahead_bytes(const struct lookahead *l, size_t n);        /* what alloc takes for n weights */
void lookahead_begin(struct lookahead *l, const struct weights *w); /* the first weights are there */
/* Around step number `step` (from 0). */
void lookahead_before(struct lookahead *l, struct weights *w, const struct schedule *s, uint64_t step);
/* The outer Nesterov step, whatever the schedule: from the anchor along what the weights moved since. */
void lookahead_step(struct lookahead *l, struct weights *w);
void lookahead_after(struct lookahead *l, struct weights *w, const struct schedule *s, uint64_t step);

#endif
