/*
 * recipe-report - tables and plot of what tools/recipe-bench ran: bits per byte at equal processor time
 *
 * files: DIR/report.md, DIR/report.svg, from the finished runs in DIR (tools/campaign/campaign.h)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "tools/campaign/plot.h"
#include "tools/campaign/tables.h"

static const char *baseline;
static uint64_t full;

static const struct opt opts[] = {
    {0, "baseline", OPT_STR, &baseline, "ARM", "the arm that others are compared with"},
    {0, "full", OPT_U64, &full, "SECONDS", "the budget whose figure is the target (the baseline's largest)"},
    {0},
};

static const struct cli cli = {
    "recipe-report",
    "tables and plot of what tools/recipe-bench ran",
    "tools/recipe-report --baseline ARM [options] DIR",
    opts,
    "Writes DIR/report.md and DIR/report.svg. Runs that are not finished do not count.\n",
};

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
    if (n != 1 || !baseline)
        usage_error(n != 1 ? "which DIR?" : "--baseline ARM is needed");
    struct campaign *c = campaign_read(argv[0]);
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
