/*
 * judge.h - arms against the baseline
 *
 * A verdict compares seed by seed: a seed gives all arms the same text in the same order. `below` is the
 * baseline's bits per byte less the arm's at equal budgets. `ratio` is how many times less processor time the
 * arm needs to reach what the baseline reached at the full budget with the same seed: cost_to_loss() over the
 * arm's budgets.
 */
#ifndef CAMPAIGN_JUDGE_H
#define CAMPAIGN_JUDGE_H

#include "tools/campaign/campaign.h"
#include "tools/campaign/interpolate.h"

struct judged {
    const char *arm;
    bool baseline;
    size_t seeds, reached; /* seeds that were compared; of them, those where the arm got as low */
    bool at_most;          /* the smallest budget was enough in some seed: the ratio is a lower bound */
    struct interval ratio; /* empty unless all seeds got there: a mean over the lucky ones would flatter */
};

struct verdict {
    const char *baseline;
    uint64_t full;       /* the budget, in seconds */
    double target;       /* the baseline's mean there */
    struct judged *arms; /* the baseline first */
    size_t n;
};

/* full 0: the largest budget that the baseline was run at. Dies when the baseline was not run at it. */
struct verdict *judge(const struct campaign *c, const char *baseline, uint64_t full);
void verdict_free(struct verdict *v);
/* Over the seeds that both arms have at this budget. */
struct interval judge_below(const struct campaign *c, const char *baseline, const char *arm, uint64_t budget);

#endif
