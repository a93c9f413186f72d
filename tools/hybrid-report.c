/*
 * hybrid-report - the table and the plot of what tools/hybrid-bench ran: time, steps and tokens to the same
 * loss
 *
 * files: DIR/report.md, DIR/report.svg, from the finished runs in DIR (tools/campaign/campaign.h)
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "tools/campaign/plot.h"
#include "tools/campaign/tables.h"

static const char *baseline = "adamw", *best_lr;
static uint64_t full;

static const struct opt opts[] = {
    {0, "baseline", OPT_STR, &baseline, "ARM", "whose final loss is the target (adamw)"},
    {0, "full", OPT_U64, &full, "STEPS", "the budget whose loss that is (the baseline's largest)"},
    {0, "best-lr", OPT_STR, &best_lr, "ARM", "only print the learning rate that the arm's sweep chose"},
    {0},
};

static const struct cli cli = {
    "hybrid-report",
    "table and plot of what tools/hybrid-bench ran",
    "tools/hybrid-report [options] DIR",
    opts,
    "Writes DIR/report.md and DIR/report.svg. Runs that are not finished do not count.\n",
};

static int print_best_lr(const struct campaign *c)
{
    bool edge;
    double lr = campaign_best_lr(c, best_lr, &edge);
    if (isnan(lr))
        die("no finished sweep of arm '%s'", best_lr);
    printf("%.9g\n", lr);
    close_stdout();
    return 0;
}

static char *command_of(const char *dir)
{
    char *path = path_join(dir, "command"), *text = NULL;
    size_t len;
    if (path_exists(path)) {
        text = read_file(path, &len, 1 << 20);
        text[strcspn(text, "\n")] = 0;
    }
    free(path);
    return text;
}

int main(int argc, char **argv)
{
    int n = cli_parse(&cli, argc, argv);
    if (n != 1)
        usage_error("which DIR?");
    struct campaign *c = campaign_read(argv[0]);
    if (best_lr) {
        int code = print_best_lr(c);
        campaign_free(c);
        return code;
    }
    struct verdict *v = judge(c, baseline, full);
    char *md = path_join(argv[0], "report.md"), *svg = path_join(argv[0], "report.svg"),
         *command = command_of(argv[0]);
    struct commit f;
    tables_write(commit_open(&f, md), c, v, "report.svg", command);
    commit_finish(&f);
    plot_write(commit_open(&f, svg), c, v);
    commit_finish(&f);
    printf("%s\n%s\n", md, svg);
    close_stdout();
    verdict_free(v);
    campaign_free(c);
    free(md);
    free(svg);
    free(command);
    return 0;
}
