/*
 * export-metrics - the numbers of a run in the format of another program
 *
 * in:  RUN/metrics.jsonl (formats/checkpoint.md), finished or growing
 * out: a directory that TensorBoard reads (formats/tfevents.h); wandb and trackio import it
 */
#include "formats/tfevents.h"
#include "pipeline/lib/apart.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/signals.h"
#include "pipeline/lib/tail.h"
#include "pipeline/monitor/run.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *output;
static bool follow;

static const struct opt opts[] = {
    {'o', "output", OPT_STR, &output, "DIR",
     "write here, a folder for each run; what an export before wrote is replaced"},
    {0, "follow", OPT_FLAG, &follow, NULL, "go on while the run grows, until it ends or a signal comes"},
    SANDBOX_OPTION(&output),
    {0},
};

static const struct cli cli = {
    "export-metrics",
    "the numbers of a run as TensorBoard's event files",
    "tools/export-metrics tensorboard RUN -o DIR [--follow]",
    opts,
    "Every number of every line of metrics.jsonl becomes a scalar, at its step: train/loss, train/lr,\n"
    "val/NAME/loss ... Look at them with\n"
    "  tensorboard --logdir DIR\n"
    "and bring them to others with `wandb sync DIR`, or trackio.import_tf_events(DIR, ...).\n"
    "\n"
    "Exit: 0 done; 1 failed; 2 misuse; 128+n after signal n.",
};

struct export
{
    const char *metrics, *path; /* the run's file, and the event file */
    FILE *f;
    struct commit commit; /* until the file has its name */
    off_t whole;          /* bytes of the file that ends with a whole record, once it has its name */
    double began;         /* when the run began, seconds since 1970 */
    double wall;          /* time of the last line that had one, in the same seconds */
    uint64_t scalars, bad;
};

/* The file that TensorBoard reads ends with a whole record also where the disk has no room for the next. */
static void cut_to_whole(void *arg)
{
    struct export *x = arg;
    if (!x->f || x->commit.f)
        return;
    __fpurge(x->f);
    if (ftruncate(fileno(x->f), x->whole) != 0)
        warn("%s: its last record may be cut: %s", x->path, strerror(errno));
}

static void write_record(struct export *x, const uint8_t *record, size_t n)
{
    if (fwrite(record, 1, n, x->f) != n)
        die_errno("%s: cannot write", x->path);
}

static void scalar(struct export *x, double step, const char *group, const char *name, const char *key,
                   double value)
{
    char tag[TFEVENT_MAX_TAG];
    uint8_t record[TFEVENT_MAX];
    snprintf(tag, sizeof tag, "%s%s%s/%s", group, *name ? "/" : "", name, key);
    write_record(x, record, tfevent_scalar(record, x->wall, (int64_t)step, tag, (float)value));
    x->scalars++;
}

/* Each line of metrics.jsonl is an object with its type and step; its other numbers are what it tells. */
static void take(void *arg, const char *line, size_t len, bool newest)
{
    (void)newest;
    struct export *x = arg;
    json_t *o = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL), *v;
    const char *type = json_string_value(json_object_get(o, "type")), *key;
    const char *name = json_string_value(json_object_get(o, "name"));
    double step = json_number_value(json_object_get(o, "step"));
    if (!type || !(step >= 0 && step < 9e18)) {
        x->bad++;
        json_decref(o);
        return;
    }
    if (json_is_number(json_object_get(o, "trained_s")))
        x->wall = x->began + json_number_value(json_object_get(o, "trained_s"));
    const char *group = strcmp(type, "step") == 0 ? "train" : type;
    json_object_foreach(o, key, v)
    {
        if (json_is_number(v) && strcmp(key, "step") != 0)
            scalar(x, step, group, name ? name : "", key, json_number_value(v));
    }
    json_decref(o);
}

/* metrics.jsonl is new, or became shorter, since a run was resumed at an earlier step: the events begin anew,
 * in a file that replaces the older one when it is as long as metrics.jsonl. */
static void begin(void *arg)
{
    struct export *x = arg;
    uint8_t record[TFEVENT_MAX];
    if (x->commit.f)
        commit_abort(&x->commit);
    else if (x->f)
        fclose(x->f);
    x->f = commit_open(&x->commit, x->path);
    x->wall = x->began;
    x->scalars = x->bad = 0;
    write_record(x, record, tfevent_begin(record, x->began));
}

static void bring_up_to_date(struct export *x, struct tail *t)
{
    tail_poll(t, take, begin, x);
    if (t->error)
        die("%s: cannot read: %s", x->metrics, strerror(t->error));
    if (x->commit.f)
        x->f = commit_publish(&x->commit);
    if (fflush(x->f) != 0)
        die_errno("%s: cannot write", x->path);
    x->whole = ftello(x->f);
}

static void check_in_place(const struct export *x)
{
    struct stat ours, there;
    if (fstat(fileno(x->f), &ours) != 0 || stat(x->path, &there) != 0)
        die_errno("%s", x->path);
    if (ours.st_ino != there.st_ino || ours.st_dev != there.st_dev)
        die("%s: another program has replaced it", x->path);
}

/* Waits for more lines until the run ends. */
static void go_on(struct export *x, struct tail *t, const char *run)
{
    for (bool live = true; live && !stop_signal;) {
        live = run_is_live(run);
        check_in_place(x);
        bring_up_to_date(x, t);
        if (live)
            usleep(500000);
    }
}

static double began_at(const char *run)
{
    char *config = path_join(run, "config.json");
    struct stat st;
    if (stat(config, &st) != 0)
        die_errno("%s: no run", config);
    free(config);
    return (double)st.st_mtim.tv_sec;
}

static void export_run(const char *run, const char *dir)
{
    char *metrics = path_join(run, "metrics.jsonl"), *path = path_join(dir, "events.out.tfevents.1.tritter");
    struct export x = {.metrics = metrics, .path = path, .began = began_at(run)};
    struct tail t;
    if (tail_open(&t, metrics) != 0)
        die_errno("%s", metrics);
    apart_input(metrics);
    make_dirs(dir);
    at_failure(cut_to_whole, &x);
    begin(&x);
    bring_up_to_date(&x, &t);
    if (follow)
        go_on(&x, &t, run);
    if (x.bad + t.too_long > 0)
        warn("%s: %llu lines passed over", metrics, (unsigned long long)(x.bad + t.too_long));
    at_failure_cancel(&x);
    if (fclose(x.f) != 0)
        die_errno("%s: cannot write", path);
    say("%s: %llu scalars", path, (unsigned long long)x.scalars);
    tail_close(&t);
    free(metrics);
    free(path);
}

int main(int argc, char **argv)
{
    int n = cli_parse(&cli, argc, argv);
    if (n != 2 || strcmp(argv[0], "tensorboard") != 0)
        usage_error("tensorboard and a run are needed");
    if (!output)
        usage_error("-o DIR is missing: where to write");
    signals_install();
    char *run = realpath(argv[1], NULL);
    if (!run)
        die_errno("%s", argv[1]);
    char *dir = path_join(output, strrchr(run, '/') + 1);
    export_run(run, dir);
    free(dir);
    free(run);
    return signal_exit_code();
}
