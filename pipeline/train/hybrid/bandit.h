/*
 * bandit.h - whether jumps and drift pay, judged by what came of them
 *
 * A cycle yields y: by how much the loss of the averaged weights on the probe rows fell from its begin to its
 * end. Modelled as y / trend = w0 + w_drift [drift was on] + w_jump [a jump was applied] + sum_j w_j [it was
 * of scale j] + noise with trend what the cycle should yield as the ones before did, of which the logarithm's
 * level and slope are followed (Holt 1957): losses fall ever more slowly, which must not be taken for a gain
 * of what came first. Bayesian linear regression with Gaussian priors, forgetting, and a running estimate of
 * the noise. The gain of scale j in steps is (w_jump + w_j) / w0 times the steps of a cycle; what the cycle
 * paid for probes (in steps: a forward pass is a third of one, counted in tokens, not seconds, so that a
 * resumed run decides alike) is charged to jumps.
 *
 * A choice: a share `control` of the cycles is randomised to no jump. Otherwise Thompson sampling over no
 * jump and those scales whose posterior gain after cost is positive with probability of at least
 * `confidence`, or that were tried fewer than `trials` times (a count that is forgotten too). Drift: Thompson
 * sampling, but the first cycles alternate, and later one in eight is without.
 */
#ifndef HYBRID_BANDIT_H
#define HYBRID_BANDIT_H

#include "pipeline/train/hybrid/hybrid.h"

enum { BANDIT_DIM = 3 + HYBRID_SCALES }; /* base, drift, any jump, scales */

struct bandit {
    double precision[BANDIT_DIM][BANDIT_DIM],
        target[BANDIT_DIM];      /* of the data, not of the prior; times noise */
    double noise;                /* variance of y / trend */
    double trend, slope;         /* nats a cycle; of its logarithm, a cycle */
    double cost[HYBRID_SCALES];  /* steps; running mean */
    double tried[HYBRID_SCALES]; /* forgotten as the data */
    uint64_t cycles, jumps, controls;
    uint64_t random;
};

struct choice {
    double scale;      /* of the jump; 0: none */
    uint64_t arm;      /* 1 + index of the scale; 0: none */
    uint64_t drift;    /* on */
    uint64_t control;  /* 1: randomised to no jump */
    double confidence; /* P(gain > 0) of the arm, or of the best when none was taken */
};

void bandit_init(struct bandit *b, uint64_t seed, double cost);
double bandit_scale(const struct hybrid_config *c, uint64_t arm);
/* may_jump: the caller sees no reason against one. */
struct choice bandit_choose(struct bandit *b, const struct hybrid_config *c, double cycle_steps,
                            bool may_jump);
/* What a cycle yielded. arm: what was applied at last (a rejected jump is none, but its cost counts for the
 * tried arm). */
void bandit_learn(struct bandit *b, const struct hybrid_config *c, const struct choice *made, bool applied,
                  double fall, double cost);
double bandit_expected(const struct bandit *b,
                       bool drift); /* nats that a cycle without a jump should yield */
/* Posterior of the gain in steps a cycle, before cost: of drift (arm 0), of a jump of that arm. */
void bandit_gain(const struct bandit *b, uint64_t arm, double cycle_steps, double *mean, double *deviation);

#endif
