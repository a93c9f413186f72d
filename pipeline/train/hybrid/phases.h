/*
 * phases.h - which phase training is in, and when it changes
 *
 *   WARMUP --statistics stable, or warmup_max--> FULL
 *   FULL --its steps are done--> PREDICT         between two steps: choose; probe; jump or not
 *   PREDICT --applied--> CORRECT                 --declined or rejected--> FULL, long enough for a cycle of
 * equal length CORRECT --its steps are done--> FULL         any --divergence--> FULL, backing off any --the
 * decay begins--> OFF                nothing is predicted there: extrapolation would reverse its sign
 *
 * A cycle is what lies between two visits of PREDICT: `correct + full` real steps, with or without a jump.
 * Statistics are stable when the mean loss of the last 45 steps is less than 3 % below that of the 45 before
 * (a guess).
 */
#ifndef HYBRID_PHASES_H
#define HYBRID_PHASES_H

#include "pipeline/train/hybrid/hybrid.h"

enum phase { PHASE_WARMUP, PHASE_FULL, PHASE_PREDICT, PHASE_CORRECT, PHASE_OFF, N_PHASES };

enum rate_trend { RATE_RISES, RATE_HOLDS, RATE_FALLS }; /* the learning rate: WARMUP lasts while it rises */

enum { PHASE_WINDOW = 45 };

struct phases {
    uint64_t phase;       /* enum phase */
    uint64_t steps;       /* real steps in it */
    uint64_t length;      /* how long it is: FULL and CORRECT */
    uint64_t block_steps; /* real steps in the block */
    uint64_t cycle;       /* visits of PREDICT so far */
    uint64_t backoff;     /* cycles still to pass without a jump */
    uint64_t total;       /* real steps seen */
    double horizon;       /* virtual steps of the next jump */
    double recent[2];     /* sums of losses of this window and the one before */
    uint64_t window;      /* losses in the current one */
};

void phases_init(struct phases *p, const struct hybrid_config *c);
const char *phase_name(enum phase p);
/* A real step is done. rate: of the next step. Returns why the phase changes, NULL: it does not. The
 * caller acts on the old phase first (its last block), then calls phases_enter. */
const char *phases_step(struct phases *p, const struct hybrid_config *c, double loss, enum rate_trend rate,
                        enum phase *next);
/* True when a block ends with this step: `block` steps, or the phase ends. Blocks of CORRECT are the whole
 * phase. */
bool phases_block_ends(const struct phases *p, const struct hybrid_config *c, bool phase_ends);
void phases_enter(struct phases *p, const struct hybrid_config *c, enum phase next);
void phases_accepted(struct phases *p, const struct hybrid_config *c);
void phases_rejected(struct phases *p, const struct hybrid_config *c);

#endif
