/*
 * judge.h - arms against the baseline
 *
 * Target: the mean over seeds of the baseline's final validation loss at the full budget. What the baseline
 * paid for it is what its full runs took. An arm pays what cost_to_loss() says of its own runs, seed by seed;
 * the ratio is baseline / arm of the same seed (the same data in the same order, the same first weights),
 * above 1 is better.
 *
 * "paired" takes as each seed's target the baseline's own final loss with that seed. What seeds have in
 * common then cancels, so its intervals are narrower.
 */
#ifndef REPORT_JUDGE_H
#define REPORT_JUDGE_H

#include "tools/campaign/campaign.h"
#include "tools/campaign/interpolate.h"

enum cost { COST_WALL, COST_CPU, COST_STEPS, COSTS };

struct reached {
    size_t seeds, reached; /* seeds judged; of them, those that got there */
    bool at_most; /* some got there with the smallest budget already: costs are upper, ratios lower bounds */
    double cost[COSTS];           /* geometric means; NaN unless all seeds got there */
    struct interval ratio[COSTS]; /* the interval of each ratio */
};

struct judged {
    const char *arm;
    bool baseline;
    double lr; /* NaN: train's own */
    struct reached mean, paired;
    struct interval
        ahead; /* baseline's final loss at the full budget less the arm's, by seed: above 0 is better */
};

struct verdict {
    const char *baseline;
    uint64_t full; /* steps */
    double target, bytes_per_token, tokens_per_step;
    struct judged *arms; /* the baseline first */
    size_t n;
};

/* full 0: the largest budget that the baseline was run at. Dies when the baseline was not run at it. */
struct verdict *judge(const struct campaign *c, const char *baseline, uint64_t full);
void verdict_free(struct verdict *v);

#endif
