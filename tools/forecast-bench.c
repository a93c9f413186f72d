/*
 * forecast-bench - how well the losses of recorded runs are forecast, each run by what the others teach
 *
 * stdout: tables in Markdown; with --record, a run as pipeline/train/data/recorded.txt has it
 */
#include <jansson.h>
#include <libgen.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/json_get.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/train/outlook.h"

enum { ARMS = 4, TIMES = 5, BLOCKS = 400 };
enum { END, NEXT, FAR, WHAT };

static const char *record;
static const struct opt opts[] = {
    {0, "record", OPT_STR, &record, "RUN",
     "print the losses of a finished run, as data/recorded.txt has them"},
    {0},
};
static const struct cli cli = {
    "forecast-bench",
    "how well the losses of recorded runs are forecast",
    "tools/forecast-bench\ntools/forecast-bench --record RUN >>pipeline/train/data/recorded.txt",
    opts,
    "Each run is forecast by what the others teach; those that began alike are left out. Prints the tables "
    "of\n"
    "docs/results/engine.md, which takes half a minute of processor time.\n"
    "\n"
    "Exit: 0 done, 1 failed, 2 misuse.",
};

static const struct {
    const char *name;
    int parts;
} arms[ARMS] = {{"law", OUTLOOK_LAW},
                {"law + store", OUTLOOK_STORE},
                {"law + RSSM", OUTLOOK_MODEL},
                {"law + RSSM + store", OUTLOOK_MODEL | OUTLOOK_STORE}};
static const int when[TIMES] = {0, 3, 6, 10, 13}; /* points: 20, 35, 50, 70, 85 % */
static const char *const what[WHAT] = {"loss at the end", "loss 5 % of the steps later",
                                       "loss 20 % of the steps later"};

struct errors {
    double sum[WHAT][ARMS][TIMES], n[WHAT][ARMS][TIMES];
};

static void count(struct errors *e, int w, int arm, int time, double forecast, double met)
{
    e->sum[w][arm][time] += 100 * fabs(forecast / met - 1);
    e->n[w][arm][time]++;
}

/* One run at one time, by one arm. Returns how far the loss at the end is off, in per cent. */
static double examine_at(struct errors *e, struct outlook *o, const struct recorded *r, int arm, int time)
{
    struct outlook_forecast f;
    struct losses l = recorded_losses(r, (uint64_t)(outlook_share(when[time]) * (double)r->schedule.steps));
    if (!outlook_make(o, &l, &r->schedule, &f))
        return NAN;
    count(e, END, arm, time, f.end.loss, r->end);
    if (f.ahead > 0)
        count(e, NEXT, arm, time, f.at[0], outlook_met(r, f.point + 1));
    if (f.ahead == OUTLOOK_AHEAD)
        count(e, FAR, arm, time, f.at[OUTLOOK_AHEAD - 1], outlook_met(r, f.point + OUTLOOK_AHEAD));
    return 100 * (f.end.loss / r->end - 1);
}

static void examine(struct errors *e, const struct recorded *runs, size_t n, const struct recorded *r)
{
    printf("| %s | %.3f ", r->name, r->end);
    for (int a = 0; a < ARMS; a++) {
        struct outlook *o = outlook_new(runs, n, r, arms[a].parts);
        if (!o)
            die("out of memory");
        for (int t = 0; t < TIMES; t++) {
            double off = examine_at(e, o, r, a, t);
            if (outlook_share(when[t]) == 0.5)
                printf("| %+.2f ", off);
        }
        outlook_free(o);
    }
    puts("|");
}

static void print(const struct errors *e, int w)
{
    printf("\n| %s, off by | at 20 %% | 35 %% | 50 %% | 70 %% | 85 %% |\n|---|---|---|---|---|---|\n",
           what[w]);
    for (int a = 0; a < ARMS; a++) {
        printf("| %s ", arms[a].name);
        for (int t = 0; t < TIMES; t++)
            printf(e->n[w][a][t] > 0 ? "| %.2f %% " : "| – ", e->sum[w][a][t] / e->n[w][a][t]);
        puts("|");
    }
}

/* The losses of all steps of a run, by its log. */
static double *read_losses(const char *run, uint64_t steps)
{
    char *path = path_join(run, "metrics.jsonl"), *line = NULL;
    size_t room = 0;
    uint64_t n = 0;
    double *loss = xcalloc(steps, sizeof *loss);
    FILE *f = fopen(path, "r");
    if (!f)
        die_errno("%s", path);
    while (getline(&line, &room, f) > 0) {
        json_t *o = json_loads(line, 0, NULL);
        const char *type = json_string_value(json_object_get(o, "type"));
        if (type && strcmp(type, "step") == 0 && n < steps)
            loss[n++] = json_get_number(o, "loss");
        json_decref(o);
    }
    fclose(f);
    if (n != steps)
        die("%s: %llu of %llu steps: the run is not finished", path, (unsigned long long)n,
            (unsigned long long)steps);
    free(line);
    free(path);
    return loss;
}

/* In BLOCKS means or fewer. */
static void print_run(const char *run)
{
    char *path = path_join(run, "config.json"), *name = xstrdup(run);
    json_error_t error;
    json_t *c = json_load_file(path, 0, &error);
    const char *schedule = json_string_value(json_object_get(c, "schedule"));
    if (!c || !schedule)
        die("%s: line %d: %s", path, c ? 1 : error.line, c ? "no schedule" : error.text);
    uint64_t steps = json_get_u64(c, "steps"), width = (steps + BLOCKS - 1) / BLOCKS, block = 0;
    double *loss = read_losses(run, steps);
    printf("\n%s %.5g %llu %g %g %g %s %llu", basename(name),
           (double)json_get_u64(c, "rows") * (double)json_get_u64(c, "row_tokens") /
               (double)json_get_u64(c, "parameters"),
           (unsigned long long)steps, json_get_number(c, "warmup"), json_get_number(c, "decay"),
           json_get_number(c, "min-lr-ratio"), schedule, (unsigned long long)width);
    for (uint64_t t = 0; t < steps; t += width, block++) {
        uint64_t n = steps - t < width ? steps - t : width;
        double sum = 0;
        for (uint64_t k = 0; k < n; k++)
            sum += loss[t + k];
        printf("%s%.3f", block % 20 ? " " : "\n", sum / (double)n);
    }
    puts("");
    free(loss);
    json_decref(c);
    free(name);
    free(path);
}

int main(int argc, char **argv)
{
    static struct errors e;
    struct recorded *runs;
    if (cli_parse(&cli, argc, argv) != 0)
        usage_error("'%s': forecast-bench takes no operands", argv[0]);
    if (record) {
        print_run(record);
        close_stdout();
        return 0;
    }
    size_t n = recorded_runs(&runs);
    puts("| run | loss at the end | at 50 %, law: off by % | + store | + RSSM | + both "
         "|\n|---|---|---|---|---|---|");
    for (size_t i = 0; i < n; i++)
        examine(&e, runs, n, &runs[i]);
    for (int w = 0; w < WHAT; w++)
        print(&e, w);
    recorded_free(runs, n);
    close_stdout();
    return 0;
}
