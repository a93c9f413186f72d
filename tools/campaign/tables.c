#include "tools/campaign/tables.h"

#include <math.h>
#include <string.h>

static void heading(FILE *f, const char *title, const char *columns)
{
    fprintf(f, "\n## %s\n\n| %s |\n|", title, columns);
    for (const char *p = columns; p; p = strstr(p + 1, " | "))
        fprintf(f, "---|");
    fprintf(f, "\n");
}

/* Each value once, in the order of the runs. */
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

static void circumstances(FILE *f, const struct campaign *c, const char *command)
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
    distinct(f, "programs (hash)", c, offsetof(struct trial, binary));
    fprintf(f, "- runs: %zu, of which %zu failed; the first ended %s, the last %s\n", c->n_runs, failed,
            first ? first : "–", last ? last : "–");
    if (command)
        fprintf(f, "- command: `%s`\n", command);
    fprintf(f, "- settings: `%.*s`\n", (int)strcspn(c->settings, "\n"), c->settings);
    for (size_t i = 0; i < c->n_arms; i++)
        for (size_t k = 0; k < c->n_runs; k++)
            if (strcmp(c->runs[k].arm, c->arms[i]) == 0) {
                fprintf(f, "- %s: `%s`\n", c->arms[i], c->runs[k].options);
                break;
            }
}

/* "1.659 ± 0.012", half the interval; one seed has none. */
static void mean(FILE *f, const double *x, size_t n, const char *emphasis)
{
    struct interval i = interval_of(x, n);
    if (!isfinite(i.mean))
        fprintf(f, " | failed");
    else if (isnan(i.low))
        fprintf(f, " | %s%.3f%s", emphasis, i.mean, emphasis);
    else
        fprintf(f, " | %s%.3f%s ± %.3f", emphasis, i.mean, emphasis, i.high - i.mean);
}

static void arm_row(FILE *f, const struct campaign *c, const struct verdict *v, const struct judged *j,
                    uint64_t budget)
{
    double bits[c->n_domains + 1][c->n_seeds], tokens = 0, cpu = 0, wall = 0;
    size_t n = 0;
    for (size_t s = 0; s < c->n_seeds; s++) {
        const struct trial *r = campaign_run(c, j->arm, budget, c->seeds[s]);
        if (!r)
            continue;
        for (size_t d = 0; d < c->n_domains; d++)
            bits[d + 1][n] = r->bits[d];
        bits[0][n++] = r->weighted;
        tokens += (double)r->tokens;
        cpu += r->cpu;
        wall += r->wall;
    }
    if (n == 0)
        return;
    fprintf(f, "| %s | %zu | %.2f | %.0f | %.0f | %.0f", j->arm, n, tokens / (double)n / 1e6, cpu / (double)n,
            wall / (double)n, tokens / cpu);
    for (size_t d = 0; d <= c->n_domains; d++)
        mean(f, bits[d], n, d == 0 ? "**" : "");
    struct interval below = judge_below(c, v->baseline, j->arm, budget);
    if (j->baseline || !isfinite(below.mean))
        fprintf(f, " | – |\n");
    else if (isnan(below.low))
        fprintf(f, " | %+.3f [one seed] |\n", below.mean);
    else
        fprintf(f, " | %+.3f [%+.3f, %+.3f] |\n", below.mean, below.low, below.high);
}

static void by_budget(FILE *f, const struct campaign *c, const struct verdict *v)
{
    char title[64], columns[4096];
    size_t n =
        (size_t)snprintf(columns, sizeof columns,
                         "arm | seeds | Mtokens | processor s | wall s | tokens a processor s | weighted");
    for (size_t d = 0; d < c->n_domains && n < sizeof columns; d++)
        n += (size_t)snprintf(columns + n, sizeof columns - n, " | %s", c->domain[d]);
    if (n < sizeof columns)
        snprintf(columns + n, sizeof columns - n, " | below %s", v->baseline);
    for (size_t b = 0; b < c->n_budgets; b++) {
        snprintf(title, sizeof title, "Bits per byte after %llu s of processor time",
                 (unsigned long long)c->budgets[b]);
        heading(f, title, columns);
        for (size_t i = 0; i < v->n; i++)
            arm_row(f, c, v, &v->arms[i], c->budgets[b]);
    }
}

static void to_target(FILE *f, const struct verdict *v)
{
    heading(f, "Processor time to what the baseline reached", "arm | seeds | × less processor time");
    for (size_t i = 0; i < v->n; i++) {
        const struct judged *j = &v->arms[i];
        fprintf(f, "| %s | %zu", j->arm, j->seeds);
        if (j->baseline)
            fprintf(f, " | 1 |\n");
        else if (j->reached == 0)
            fprintf(f, " | not reached |\n");
        else if (j->reached < j->seeds)
            fprintf(f, " | not reached (%zu of %zu seeds did) |\n", j->reached, j->seeds);
        else if (isnan(j->ratio.low))
            fprintf(f, " | %s%.2f [one seed] |\n", j->at_most ? "≥ " : "", j->ratio.mean);
        else
            fprintf(f, " | %s%.2f [%.2f, %.2f] |\n", j->at_most ? "≥ " : "", j->ratio.mean, j->ratio.low,
                    j->ratio.high);
    }
}

void tables_write(FILE *f, const struct campaign *c, const struct verdict *v, const char *plot,
                  const char *command)
{
    fprintf(f, "# Recipes at equal processor time\n\n");
    circumstances(f, c, command);
    fprintf(f, "\n![bits per byte against processor time](%s)\n", plot);
    by_budget(f, c, v);
    fprintf(f, "\nMeans over seeds ± half of the 95 %% interval (Student's t). Weighted as the mix. Each run "
               "has as many steps as the arm's own "
               "speed, measured before, lets into the budget, and a complete schedule; processor time is "
               "that of training alone. \"Below\" "
               "compares seed by seed: above 0 the arm is better.\n");
    to_target(f, v);
    fprintf(f,
            "\nThe target is each seed's own figure of `%s` at %llu s (mean %.3f), interpolated in the "
            "logarithm of the processor time "
            "between an arm's budgets; ≥: the smallest was enough. Geometric means with 95 %% intervals.\n",
            v->baseline, (unsigned long long)v->full, v->target);
}
