#include "tools/campaign/judge.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct interval judge_below(const struct campaign *c, const char *baseline, const char *arm, uint64_t budget)
{
    double by[c->n_seeds];
    size_t n = 0;
    for (size_t s = 0; s < c->n_seeds; s++) {
        const struct trial *base = campaign_run(c, baseline, budget, c->seeds[s]);
        const struct trial *r = campaign_run(c, arm, budget, c->seeds[s]);
        if (base && r)
            by[n++] = base->weighted - r->weighted;
    }
    return interval_of(by, n);
}

/* The arm's budgets of one seed, as columns. Returns how many. */
static size_t budgets_of(const struct campaign *c, const char *arm, uint64_t seed, double *cost, double *loss)
{
    size_t n = 0;
    for (size_t b = 0; b < c->n_budgets; b++) {
        const struct trial *r = campaign_run(c, arm, c->budgets[b], seed);
        if (!r)
            continue;
        cost[n] = r->cpu;
        loss[n++] = r->weighted;
    }
    return n;
}

static struct judged judge_arm(const struct campaign *c, const struct verdict *v, const char *arm)
{
    struct judged j = {.arm = arm, .baseline = strcmp(arm, v->baseline) == 0};
    double ratio[c->n_seeds], cost[c->n_budgets], loss[c->n_budgets], at;
    for (size_t s = 0; s < c->n_seeds; s++) {
        const struct trial *base = campaign_run(c, v->baseline, v->full, c->seeds[s]);
        size_t n = budgets_of(c, arm, c->seeds[s], cost, loss);
        if (!base || n == 0)
            continue;
        j.seeds++;
        enum reach how = cost_to_loss(cost, loss, n, base->weighted, &at);
        if (how == REACH_NEVER)
            continue;
        j.at_most |= how == REACH_AT_MOST;
        ratio[j.reached++] = base->cpu / at;
    }
    j.ratio = interval_of_ratios(ratio, j.reached == j.seeds ? j.seeds : 0);
    return j;
}

static void set_target(struct verdict *v, const struct campaign *c)
{
    double sum = 0, n = 0;
    for (size_t b = c->n_budgets; v->full == 0 && b-- > 0;)
        for (size_t s = 0; s < c->n_seeds; s++)
            if (campaign_run(c, v->baseline, c->budgets[b], c->seeds[s]))
                v->full = c->budgets[b];
    for (size_t s = 0; s < c->n_seeds; s++) {
        const struct trial *r = campaign_run(c, v->baseline, v->full, c->seeds[s]);
        if (!r)
            continue;
        sum += r->weighted;
        n++;
    }
    if (n == 0)
        die("no finished run of the baseline '%s' at the full budget of %llu s", v->baseline,
            (unsigned long long)v->full);
    v->target = sum / n;
}

struct verdict *judge(const struct campaign *c, const char *baseline, uint64_t full)
{
    struct verdict *v = xcalloc(1, sizeof *v);
    v->baseline = baseline;
    v->full = full;
    set_target(v, c);
    v->arms = xcalloc(c->n_arms, sizeof *v->arms);
    v->arms[v->n++] = judge_arm(c, v, baseline);
    for (size_t i = 0; i < c->n_arms; i++)
        if (strcmp(c->arms[i], baseline) != 0)
            v->arms[v->n++] = judge_arm(c, v, c->arms[i]);
    return v;
}

void verdict_free(struct verdict *v)
{
    if (v)
        free(v->arms);
    free(v);
}
