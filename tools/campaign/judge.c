#include "tools/campaign/judge.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BUDGETS = 64 };

static double cost_of(const struct trial *r, enum cost which)
{
    return which == COST_WALL ? r->wall : which == COST_CPU ? r->cpu : (double)r->steps;
}

/* The arm's budgets of one seed, as columns: cost by kind, and loss. Returns how many. */
static size_t budgets_of(const struct campaign *c, const char *arm, uint64_t seed,
                         double cost[COSTS][MAX_BUDGETS], double loss[MAX_BUDGETS])
{
    size_t n = 0;
    for (size_t b = 0; b < c->n_budgets && n < MAX_BUDGETS; b++) {
        const struct trial *r = campaign_run(c, "main", arm, c->budgets[b], seed);
        if (!r)
            continue;
        for (int k = 0; k < COSTS; k++)
            cost[k][n] = cost_of(r, (enum cost)k);
        loss[n++] = r->loss;
    }
    return n;
}

/* target NaN: each seed's own. */
static struct reached reach_target(const struct campaign *c, const struct verdict *v, const char *arm,
                                   double target)
{
    struct reached r = {0};
    double ratio[COSTS][c->n_seeds], at[COSTS][c->n_seeds];
    for (size_t s = 0; s < c->n_seeds; s++) {
        const struct trial *base = campaign_run(c, "main", v->baseline, v->full, c->seeds[s]);
        double cost[COSTS][MAX_BUDGETS], loss[MAX_BUDGETS], x[COSTS];
        size_t n = budgets_of(c, arm, c->seeds[s], cost, loss);
        if (!base || n == 0)
            continue;
        r.seeds++;
        enum reach how = REACH_NEVER;
        for (int k = 0; k < COSTS; k++)
            how = cost_to_loss(cost[k], loss, n, isnan(target) ? base->loss : target, &x[k]);
        if (how == REACH_NEVER)
            continue;
        r.at_most |= how == REACH_AT_MOST;
        for (int k = 0; k < COSTS; k++) {
            at[k][r.reached] = x[k];
            ratio[k][r.reached] = cost_of(base, (enum cost)k) / x[k];
        }
        r.reached++;
    }
    size_t all = r.reached == r.seeds ? r.seeds : 0; /* a mean over the lucky seeds alone would flatter */
    for (int k = 0; k < COSTS; k++) {
        r.cost[k] = interval_of_ratios(at[k], all).mean;
        r.ratio[k] = interval_of_ratios(ratio[k], all);
    }
    return r;
}

/* The costs of the baseline's full runs, which reach the target by definition. */
static struct reached reach_baseline(const struct campaign *c, const struct verdict *v)
{
    struct reached r = {0};
    double at[COSTS][c->n_seeds];
    for (size_t s = 0; s < c->n_seeds; s++) {
        const struct trial *base = campaign_run(c, "main", v->baseline, v->full, c->seeds[s]);
        if (!base)
            continue;
        for (int k = 0; k < COSTS; k++)
            at[k][r.seeds] = cost_of(base, (enum cost)k);
        r.seeds++;
    }
    r.reached = r.seeds;
    for (int k = 0; k < COSTS; k++) {
        r.cost[k] = interval_of_ratios(at[k], r.seeds).mean;
        r.ratio[k] = (struct interval){r.seeds, 1, NAN, NAN};
    }
    return r;
}

static struct interval ahead(const struct campaign *c, const struct verdict *v, const char *arm)
{
    double by[c->n_seeds];
    size_t n = 0;
    for (size_t s = 0; s < c->n_seeds; s++) {
        const struct trial *base = campaign_run(c, "main", v->baseline, v->full, c->seeds[s]);
        const struct trial *r = campaign_run(c, "main", arm, v->full, c->seeds[s]);
        if (base && r)
            by[n++] = base->loss - r->loss;
    }
    return interval_of(by, n);
}

static struct judged judge_arm(const struct campaign *c, const struct verdict *v, const char *arm)
{
    struct judged j = {.arm = arm, .lr = NAN, .baseline = strcmp(arm, v->baseline) == 0};
    for (size_t i = 0; i < c->n_runs; i++)
        if (strcmp(c->runs[i].phase, "main") == 0 && strcmp(c->runs[i].arm, arm) == 0)
            j.lr = c->runs[i].lr;
    j.mean = j.baseline ? reach_baseline(c, v) : reach_target(c, v, arm, v->target);
    j.paired = j.baseline ? j.mean : reach_target(c, v, arm, NAN);
    j.ahead = ahead(c, v, arm);
    return j;
}

static void set_target(struct verdict *v, const struct campaign *c)
{
    double sum = 0, bytes = 0, tokens = 0, n = 0;
    for (size_t b = c->n_budgets; v->full == 0 && b-- > 0;)
        for (size_t s = 0; s < c->n_seeds; s++)
            if (campaign_run(c, "main", v->baseline, c->budgets[b], c->seeds[s]))
                v->full = c->budgets[b];
    for (size_t s = 0; s < c->n_seeds; s++) {
        const struct trial *r = campaign_run(c, "main", v->baseline, v->full, c->seeds[s]);
        if (!r)
            continue;
        sum += r->loss;
        bytes += r->bytes_per_token;
        tokens += r->tokens / (double)r->steps;
        n++;
    }
    if (n == 0)
        die("no finished run of the baseline '%s' at the full budget of %llu steps", v->baseline,
            (unsigned long long)v->full);
    v->target = sum / n;
    v->bytes_per_token = bytes / n;
    v->tokens_per_step = tokens / n;
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
