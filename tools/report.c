/*
 * report - runs as one HTML file: curves, comparison, settings, samples, events
 *
 * The file needs nothing else and asks for nothing: it can be sent, kept, printed.
 */
#include "pipeline/lib/apart.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "tools/reporter/reporter.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_RUNS = 16 };

static const char *output;
static bool csv;

static const struct opt opts[] = {
    {'o', "output", OPT_STR, &output, "FILE", "write this file; an older report there is replaced"},
    {0, "csv", OPT_FLAG, &csv, NULL, "the steps as CSV (RFC 4180) instead of HTML"},
    {0},
};

static const struct cli cli = {
    "report",
    "write a report of runs: one HTML file with curves, comparison, settings, samples and events",
    "tools/report RUN... -o FILE [--csv]",
    opts,
    "RUN is a run's directory, finished or not. Of a long run every 2nd, 4th, 8th ... step is shown.\n"
    "\n"
    "Example:\n"
    "  tools/report runs/a runs/b -o report.html\n"
    "\n"
    "Exit: 0 done; 1 failed, and FILE is as it was; 2 misuse.",
};

/* The files of a run that are read: none of them is where the report goes. */
static void read_apart(const char *run)
{
    static const char *const names[] = {"metrics.jsonl", "config.json", "alerts.jsonl"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = path_join(run, names[i]);
        apart_input(path);
        free(path);
    }
}

int main(int argc, char **argv)
{
    struct run *runs[MAX_RUNS];
    char err[1024];
    struct commit c;
    int n = cli_parse(&cli, argc, argv);
    if (n < 1 || n > MAX_RUNS)
        usage_error("name 1 to %d runs", MAX_RUNS);
    if (!output)
        usage_error("-o FILE is missing: where to write");
    for (int i = 0; i < n; i++) {
        if (!(runs[i] = run_open(argv[i], err, sizeof err)))
            die("%s", err);
        if (run_error(runs[i]))
            die("%s: cannot read all of it: %s", argv[i], strerror(run_error(runs[i])));
        read_apart(runs[i]->path);
    }
    FILE *f = commit_open(&c, output);
    (csv ? report_csv : report_html)(f, runs, (size_t)n);
    commit_finish(&c);
    say("%s: %d run%s", output, n, n == 1 ? "" : "s");
    for (int i = 0; i < n; i++)
        run_close(runs[i]);
    return 0;
}
