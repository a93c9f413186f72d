#include "tools/campaign/tables.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/fs.h"

static void cell(FILE *f, double x, const char *format)
{
    fprintf(f, " | ");
    if (isfinite(x))
        fprintf(f, format, x);
    else
        fprintf(f, "–");
}

static void duration(FILE *f, double s)
{
    if (!isfinite(s))
        fprintf(f, " | –");
    else if (s < 100)
        fprintf(f, " | %.1f s", s);
    else
        fprintf(f, " | %.0f s", s);
}

/* "1.12 [1.05, 1.19]"; "2 of 3 seeds"; "≥ 1.40" when the smallest budget was enough. */
static void ratio(FILE *f, const struct reached *r, enum cost k, bool baseline)
{
    const struct interval *i = &r->ratio[k];
    if (baseline)
        fprintf(f, " | 1");
    else if (r->reached == 0)
        fprintf(f, " | not reached");
    else if (r->reached < r->seeds)
        fprintf(f, " | not reached (%zu of %zu seeds did)", r->reached, r->seeds);
    else if (isnan(i->low))
        fprintf(f, " | %s%.3f [one seed]", r->at_most ? "≥ " : "", i->mean);
    else
        fprintf(f, " | %s%.3f [%.3f, %.3f]", r->at_most ? "≥ " : "", i->mean, i->low, i->high);
}

static void lr_cell(FILE *f, double lr)
{
    if (isnan(lr))
        fprintf(f, " | default");
    else
        fprintf(f, " | %g", lr);
}

static void heading(FILE *f, const char *title, const char *columns)
{
    fprintf(f, "\n## %s\n\n| %s |\n|", title, columns);
    for (const char *p = columns; p; p = strstr(p + 1, " | "))
        fprintf(f, "---|");
    fprintf(f, "\n");
}

static void distinct(FILE *f, const char *what, const struct campaign *c, size_t offset)
{
    fprintf(f, "- %s:", what);
    for (size_t i = 0; i < c->n_runs; i++) {
        const char *s = *(char *const *)((const char *)&c->runs[i] + offset);
        size_t k = 0;
        while (k < i && strcmp(s, *(char *const *)((const char *)&c->runs[k] + offset)) != 0)
            k++;
        if (k == i)
            fprintf(f, "%s %s", i ? ";" : "", s);
    }
    fprintf(f, "\n");
}

static int growing(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void machine(FILE *f, const struct campaign *c, const char *command)
{
    const char *first = NULL, *last = NULL;
    size_t failed = 0;
    for (size_t i = 0; i < c->n_runs; i++) {
        const char *t = c->runs[i].ended;
        first = !first || strcmp(t, first) < 0 ? t : first;
        last = !last || strcmp(t, last) > 0 ? t : last;
        failed += c->runs[i].failed;
    }
    distinct(f, "machine", c, offsetof(struct trial, machine));
    distinct(f, "train (hash of the binary)", c, offsetof(struct trial, binary));
    fprintf(f, "- runs: %zu, of which %zu failed; the first ended %s, the last %s\n", c->n_runs, failed,
            first ? first : "–", last ? last : "–");
    if (command)
        fprintf(f, "- command: `%s`\n", command);
    fprintf(f, "- settings: `%.*s`\n", (int)strcspn(c->settings, "\n"), c->settings);
    if (c->n_speeds == 0)
        return;
    double *s = xmalloc(c->n_speeds * sizeof *s);
    memcpy(s, c->speeds, c->n_speeds * sizeof *s);
    qsort(s, c->n_speeds, sizeof *s, growing);
    fprintf(f,
            "- speed of the machine, the same few steps before each of %zu rounds: %.4g s a step at best, "
            "%.4g median, %.4g at worst\n",
            c->n_speeds, s[0], s[c->n_speeds / 2], s[c->n_speeds - 1]);
    free(s);
}

static void to_target(FILE *f, const struct verdict *v)
{
    heading(f, "To the target",
            "arm | lr | seeds | time | × less time | × less time, paired | × less processor time, paired | "
            "steps | Mtokens | MB of text | lower loss at the full budget");
    for (size_t i = 0; i < v->n; i++) {
        const struct judged *j = &v->arms[i];
        double steps = j->mean.cost[COST_STEPS], tokens = steps * v->tokens_per_step / 1e6;
        fprintf(f, "| %s", j->arm);
        lr_cell(f, j->lr);
        fprintf(f, " | %zu", j->mean.seeds);
        duration(f, j->mean.cost[COST_WALL]);
        ratio(f, &j->mean, COST_WALL, j->baseline);
        ratio(f, &j->paired, COST_WALL, j->baseline);
        ratio(f, &j->paired, COST_CPU, j->baseline);
        cell(f, steps, "%.0f");
        cell(f, tokens, "%.3g");
        cell(f, tokens * v->bytes_per_token, "%.3g");
        if (j->baseline)
            fprintf(f, " | 0 |\n");
        else if (isfinite(j->ahead.low))
            fprintf(f, " | %+.4f [%+.4f, %+.4f] |\n", j->ahead.mean, j->ahead.low, j->ahead.high);
        else {
            cell(f, j->ahead.mean, "%+.4f");
            fprintf(f, " |\n");
        }
    }
}

/* Over seeds: mean loss, its spread, mean time. */
static void budget_cell(FILE *f, const struct campaign *c, const char *arm, uint64_t steps)
{
    double loss[c->n_seeds], wall = 0, low = INFINITY, high = -INFINITY;
    size_t n = 0;
    for (size_t s = 0; s < c->n_seeds; s++) {
        const struct trial *r = campaign_run(c, "main", arm, steps, c->seeds[s]);
        if (!r)
            continue;
        low = fmin(low, r->loss);
        high = fmax(high, r->loss);
        wall += r->wall;
        loss[n++] = r->loss;
    }
    if (n == 0)
        fprintf(f, " | –");
    else if (isinf(high))
        fprintf(f, " | failed");
    else
        fprintf(f, " | %.4f (%.4f … %.4f), %.0f s", interval_of(loss, n).mean, low, high, wall / (double)n);
}

static void by_budget(FILE *f, const struct campaign *c, const struct verdict *v)
{
    char title[4096] = "arm";
    size_t n = 3;
    for (size_t b = 0; b < c->n_budgets && n < sizeof title; b++)
        n +=
            (size_t)snprintf(title + n, sizeof title - n, " | %llu steps", (unsigned long long)c->budgets[b]);
    heading(f, "Final validation loss of each budget: mean over seeds (lowest … highest), mean time", title);
    for (size_t i = 0; i < v->n; i++) {
        fprintf(f, "| %s", v->arms[i].arm);
        for (size_t b = 0; b < c->n_budgets; b++)
            budget_cell(f, c, v->arms[i].arm, c->budgets[b]);
        fprintf(f, " |\n");
    }
}

static void sweep(FILE *f, const struct campaign *c)
{
    bool any = false;
    for (size_t i = 0; i < c->n_runs; i++) {
        const struct trial *r = &c->runs[i];
        bool edge;
        if (strcmp(r->phase, "sweep") != 0)
            continue;
        if (!any)
            heading(f, "Sweep of the learning rate", "arm | lr | steps | seed | final loss | ");
        any = true;
        bool best = r->lr == campaign_best_lr(c, r->arm, &edge);
        fprintf(f, "| %s | %g | %llu | %llu", r->arm, r->lr, (unsigned long long)r->steps,
                (unsigned long long)r->seed);
        if (r->failed)
            fprintf(f, " | failed");
        else
            fprintf(f, " | %.4f", r->loss);
        fprintf(f, " | %s |\n", !best ? "" : edge ? "**chosen**, at the edge of the sweep" : "**chosen**");
    }
}

void tables_write(FILE *f, const struct campaign *c, const struct verdict *v, const char *plot,
                  const char *command)
{
    fprintf(f, "# Time to the same loss\n\n");
    machine(f, c, command);
    fprintf(f,
            "- target: %.4f, the mean final validation loss of `%s` after %llu steps; losses are means over "
            "the domains by the weights of the mix\n",
            v->target, v->baseline, (unsigned long long)v->full);
    fprintf(f, "\n![validation loss against time](%s)\n", plot);
    to_target(f, v);
    fprintf(f, "\nEvery budget is a run with its own complete decay. An arm's cost is that of the smallest "
               "budget that reaches the target, interpolated "
               "in the logarithm between it and the budget before; \"not reached\" by the largest is a "
               "result; ≥: the smallest was enough already. × is "
               "baseline's full runs / arm, seed by seed, a geometric mean with its 95 %% interval over "
               "seeds (Student's t of the logarithms). Paired: "
               "each seed's target is the baseline's own loss with that seed (same data, same first "
               "weights), so that what seeds have in common cancels. "
               "Time is wall-clock of training alone, without "
               "validation and checkpoints. Intervals cover seeds, "
               "not the choice of the learning rate.\n");
    by_budget(f, c, v);
    sweep(f, c);
}
