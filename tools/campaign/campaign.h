/*
 * campaign.h - what tools/hybrid-bench left in its directory: the finished runs and what their metrics say
 *
 *   DIR/settings.json      what all runs share; "mix": weight by domain, which also weights the validation
 * losses DIR/runs/NAME/done     a finished run: {"phase","arm","lr","steps","seed","options"}, then
 * {"failed","binary","machine","ended"} DIR/runs/NAME/metrics.jsonl        formats/checkpoint.md
 *   DIR/speed.jsonl        {"when","seconds_per_step"}: the same few steps, measured before every round of
 * runs
 */
#ifndef REPORT_CAMPAIGN_H
#define REPORT_CAMPAIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct val_point {
    uint64_t step;
    double wall, cpu, loss; /* seconds of training till then; mean over the domains by the mix's weights */
};

struct trial {
    char *phase, *arm, *options, *binary, *machine, *ended;
    double lr; /* NaN: train's own */
    uint64_t steps, seed;
    bool failed; /* train gave up: loss is infinite */
    struct val_point *points;
    size_t n_points;
    double loss, wall, cpu, tokens, bytes_per_token, stall; /* at the end */
};

struct campaign {
    char *settings; /* the file's text */
    size_t n_domains;
    char **domain;
    double *weight;
    struct trial *runs; /* by arm in order of first appearance in `arms`, then steps, then seed */
    size_t n_runs;
    char **arms; /* the arms of main runs; alphabetical */
    size_t n_arms;
    uint64_t *budgets, *seeds; /* values of main runs; ascending */
    size_t n_budgets, n_seeds;
    double *speeds; /* seconds a step, in order */
    size_t n_speeds;
};

/* Dies with the path when something cannot be read. Runs that are not finished are passed over. */
struct campaign *campaign_read(const char *dir);
void campaign_free(struct campaign *c);
/* NULL: not there */
const struct trial *campaign_run(const struct campaign *c, const char *phase, const char *arm, uint64_t steps,
                                 uint64_t seed);
/* The learning rate whose sweep runs ended with the lowest mean loss; NaN: no sweep. *edge: it is the lowest
 * or highest tried. */
double campaign_best_lr(const struct campaign *c, const char *arm, bool *edge);

#endif
