/*
 * monitor - look at runs and stages while they work, or afterwards
 *
 * in:     runs' directories (metrics.jsonl), and the pages of counters of running stages (shm/stats.h)
 * stdout: a screen, again and again in a terminal; once as text or JSON with --once
 *
 * It only reads: no run notices it. Alerts alone are written, to a run's alerts.jsonl: by --headless where
 * nobody else watches, and when somebody acknowledges them.
 */
#include "pipeline/alerts/deliver.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/monitor/find.h"
#include "pipeline/monitor/headless.h"
#include "pipeline/monitor/prometheus.h"
#include "pipeline/monitor/terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static bool once, json, ascii, headless;
static const char *size_word, *pane_word, *on_alert, *alert_url, *metrics_port;
static struct view view = {.to = 1, .replay_rate = 1};
static const double REPLAY_S = 60;
static struct stages stages;
static struct hardware hardware;

static const struct opt opts[] = {
    {0, "once", OPT_FLAG, &once, NULL, "print one screen as text and end"},
    {0, "json", OPT_FLAG, &json, NULL, "print the state as one JSON line and end"},
    {0, "pane", OPT_STR, &pane_word, "NAME",
     "begin with: overview (default), loss, rates, pipeline, mix, engine, machine, events, samples"},
    {0, "size", OPT_STR, &size_word, "WxH", "with --once: columns and rows (80x24)"},
    {0, "ascii", OPT_FLAG, &ascii, NULL, "draw with ASCII alone (by itself where the terminal is not UTF-8)"},
    {0, "replay", OPT_FLAG, &view.replay, NULL,
     "play the runs from their beginning, each in a minute; < and > change the speed"},
    {0, "headless", OPT_FLAG, &headless, NULL,
     "no screen: watch until the runs end, write alerts.jsonl and print its new lines"},
    {0, "on-alert", OPT_STR, &on_alert, "COMMAND",
     "with --headless: run this, words at blanks and no shell, for each alert, whose line it gets as its "
     "input"},
    {0, "alert-url", OPT_STR, &alert_url, "URL",
     "with --headless: POST each alert as JSON: https, or http to this machine"},
    {0, "metrics-port", OPT_STR, &metrics_port, "[HOST:]PORT",
     "with --headless: GET /metrics there gives the numbers of runs and stages to\n"
     "Prometheus; without HOST to this machine alone. Goes on until a signal comes"},
    {0},
};

static const struct cli cli = {
    "monitor",
    "look at runs and stages while they work, or afterwards",
    "monitor [OPTION...] [RUN...]",
    opts,
    "RUN is a run's directory. Without one, every run that is being trained by this user is shown, and if "
    "there is none,\n"
    "the newest below runs/. Several runs are drawn over each other, up to six.\n"
    "\n"
    "Keys: 1 to 9 and Tab panes, n next run, l logarithmic, + - zoom, arrows move, 0 whole run, / search "
    "events,\n"
    "a alerts are seen, space pause, < > speed of a replay, ? help, q leave. The run goes on.\n"
    "\n"
    "NO_COLOR in the environment: no colours.\n"
    "\n"
    "Exit: 0 left, or printed, or the runs have ended; 1 failed; 2 misuse; 128+n --headless was ended by "
    "signal n.",
};

/* Moves the end of what is shown of each run, by the time that has passed. */
static void advance_replay(void)
{
    static double shown, before;
    double now = now_seconds();
    shown += before > 0 ? fmin(now - before, 1) * view.replay_rate / REPLAY_S : 0; /* less after a pause */
    before = now;
    for (size_t i = 0; i < view.n_runs; i++)
        run_show(view.runs[i], fmin(shown, 1));
}

static void poll_all(void)
{
    if (view.replay)
        advance_replay();
    for (size_t i = 0; i < view.n_runs; i++)
        run_poll(view.runs[i]);
    stages_poll(&stages);
    if (view.pane == PANE_MACHINE)
        hardware_poll(&hardware);
}

static void open_runs(char **paths, size_t n)
{
    char err[1024];
    if (n > VIEW_RUNS)
        usage_error("at most %d runs", VIEW_RUNS);
    for (size_t i = 0; i < n; i++) {
        struct run *r = run_open(paths[i], err, sizeof err);
        if (!r)
            die("%s", err);
        view.runs[view.n_runs++] = r;
    }
}

static void open_found(void)
{
    char *paths[VIEW_RUNS];
    size_t n = find_runs(paths, VIEW_RUNS);
    open_runs(paths, n);
    for (size_t i = 0; i < n; i++)
        free(paths[i]);
}

static enum pane parse_pane(const char *word)
{
    struct strbuf names = {0};
    for (enum pane p = 0; p < N_PANES; p++) {
        if (strcasecmp(view_pane_name(p), word) == 0)
            return p;
        strbuf_addf(&names, "%s%s", p == 0 ? "" : ", ", view_pane_name(p));
    }
    usage_error("--pane: '%s' is none of %s", word, names.s);
}

static void print_once(void)
{
    struct grid g = {.ascii = ascii};
    int width = 80, height = 24;
    char end;
    if (size_word && (sscanf(size_word, "%dx%d%c", &width, &height, &end) != 2 || width < VIEW_WIDTH ||
                      width > 1000 || height < VIEW_HEIGHT || height > 1000))
        usage_error("--size: '%s' is not WxH from %dx%d to 1000x1000", size_word, VIEW_WIDTH, VIEW_HEIGHT);
    grid_resize(&g, width, height);
    view_draw(&view, &g);
    grid_print(&g, stdout);
    grid_free(&g);
}

static void print_json(void)
{
    json_t *runs = json_array();
    for (size_t i = 0; i < view.n_runs; i++)
        json_array_append_new(runs, run_to_json(view.runs[i]));
    json_t *all = json_pack("{s:o, s:o}", "runs", runs, "stages", stages_to_json(&stages));
    json_dumpf(all, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(all);
}

/* What is printed once must be all that there is. */
static void die_unless_all_read(void)
{
    for (size_t i = 0; i < view.n_runs; i++)
        if (run_error(view.runs[i]))
            die("%s: cannot read all of it: %s", view.runs[i]->path, strerror(run_error(view.runs[i])));
}

static void watch_headless(void)
{
    char *paths[VIEW_RUNS];
    for (size_t i = 0; i < view.n_runs; i++)
        paths[i] = view.runs[i]->path;
    struct prometheus *p = metrics_port ? prometheus_open(metrics_port, view.runs, view.n_runs) : NULL;
    headless_run(paths, view.n_runs, on_alert, alert_url, p != NULL);
    prometheus_close(p);
}

static void check_options(void)
{
    char err[256];
    if ((on_alert || alert_url || metrics_port) && !headless)
        usage_error("--on-alert, --alert-url and --metrics-port belong to --headless");
    if (headless && (once || json))
        usage_error("--headless excludes --once and --json");
    if (view.replay && (headless || once || json || !isatty(1)))
        usage_error("--replay needs a terminal, and none of --headless, --once and --json");
    if (deliver_check(on_alert, alert_url, err, sizeof err) != 0)
        usage_error("%s", err);
}

int main(int argc, char **argv)
{
    int n = cli_parse(&cli, argc, argv);
    check_options();
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        ascii = true;
    view.stages = &stages;
    view.hardware = &hardware;
    if (pane_word)
        view.pane = parse_pane(pane_word);
    signals_install();
    if (n > 0)
        open_runs(argv, (size_t)n);
    else
        open_found();
    poll_all();
    once |= !headless && !isatty(1);
    if (once || json)
        die_unless_all_read();
    if (headless)
        watch_headless();
    else if (json)
        print_json();
    else if (once)
        print_once();
    else
        terminal_show(&view, ascii, poll_all);
    for (size_t i = 0; i < view.n_runs; i++)
        run_close(view.runs[i]);
    if (once || json || headless)
        close_stdout();
    return headless ? signal_exit_code() : 0;
}
