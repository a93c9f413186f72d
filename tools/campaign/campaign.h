/*
 * campaign.h - the finished runs in the directory of tools/recipe-bench, and how well their models predict
 * held-out text
 *
 *   DIR/settings.json        settings that all runs share; "mix": weight by domain, which also weights the
 * figures DIR/runs/NAME/done       one line:
 * {"arm","budget","seed","options","steps","tokens","wall_s","cpu_s","failed","binary", "machine","ended"};
 * there only when the run is finished DIR/runs/NAME/eval.json  "data": {DOMAIN: {"bits_per_byte"}}, as
 * bin/eval writes it
 */
#ifndef CAMPAIGN_CAMPAIGN_H
#define CAMPAIGN_CAMPAIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trial {
    char *arm, *options, *binary, *machine, *ended;
    uint64_t budget, seed; /* budget: seconds of processor time that the steps were chosen for */
    uint64_t steps, tokens;
    double wall, cpu; /* seconds of training, without evaluation */
    bool failed;      /* the loss was not finite: bits are infinite */
    double *bits;     /* bits per byte of each domain */
    double weighted;  /* their mean by the weights of the mix */
};

struct campaign {
    char *settings; /* the file's text */
    size_t n_domains;
    char **domain;
    double *weight;
    struct trial *runs; /* by arm in alphabetical order, then budget, then seed */
    size_t n_runs;
    char **arms; /* alphabetical */
    size_t n_arms;
    uint64_t *budgets, *seeds; /* ascending */
    size_t n_budgets, n_seeds;
};

/* Dies with the path when something cannot be read. Runs that are not finished are passed over. */
struct campaign *campaign_read(const char *dir);
void campaign_free(struct campaign *c);
/* NULL: not there */
const struct trial *campaign_run(const struct campaign *c, const char *arm, uint64_t budget, uint64_t seed);

#endif
