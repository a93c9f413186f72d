/*
 * run.h - a run as a monitor sees it: read from its directory, live or finished, without disturbing it
 *
 *   r = run_open("runs/a", err, cap)
 *   run_poll(r)              reads what metrics.jsonl has gained since; as often as one likes
 *
 * Steps are thinned so that memory does not grow with the run: of a run of many steps every 2nd, 4th, 8th ...
 * is kept. All validations and the last events are. Lines that cannot be read are counted and passed over.
 */
#ifndef MONITOR_RUN_H
#define MONITOR_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <jansson.h>

#include "pipeline/alerts/alertlog.h"
#include "pipeline/lib/tail.h"

enum {
    RUN_POINTS = 4096, /* steps kept at most */
    RUN_SOURCES = 16,  /* validation sources, and sources of the mix */
    RUN_EVENTS = 512,  /* newest kept */
    RUN_EVENT_TEXT = 160,
    RUN_SAMPLES = 64,   /* newest kept */
    RUN_FORECASTS = 64, /* newest kept */
    RUN_NAME = 48,
};

struct run_point { /* a step; NaN: not said */
    double step, loss, grad_norm, lr, tokens, tokens_per_s, trained, stall;
};

struct run_series { /* the validations of one source */
    char name[RUN_NAME];
    double *step, *loss, *bits,
        *finished; /* n of each; finished: loss of the forecast of the weights, or NaN */
    size_t n, cap;
};

struct run_event {
    double step;
    bool bad; /* a spike, a value that is not finite, a rollback */
    char text[RUN_EVENT_TEXT];
};

struct run_sample { /* a text that the model wrote */
    double step;
    char *prompt, *text; /* owned */
};

struct run_forecast { /* of the loss at the end */
    double step, loss, low, high, twice;
};

struct run_source { /* of the mix, as far as train has told */
    double rows, epochs;
};

struct run_depth { /* so many layers from a step on */
    double step, layers;
};

struct run {
    char *path, *name;
    double steps, row_tokens, rows, flops_per_token; /* from config.json; 0: not given */
    char model[RUN_NAME], backend[2 * RUN_NAME], schedule[16];
    double warmup, decay; /* shares of the steps */
    struct run_depth depth[RUN_SOURCES];
    size_t n_depths;
    struct run_point points[RUN_POINTS], last;
    size_t n_points;
    uint64_t n_steps, stride;
    struct run_series val[RUN_SOURCES];
    size_t n_val;
    struct run_event events[RUN_EVENTS]; /* a ring: the newest is events[(n_events - 1) % RUN_EVENTS] */
    uint64_t n_events;
    struct run_sample samples[RUN_SAMPLES]; /* a ring, as events */
    uint64_t n_samples;
    struct run_forecast forecast[RUN_FORECASTS]; /* a ring, as events */
    uint64_t n_forecasts;
    double finish_change, finish_se; /* of the loss, by --finish auto; NaN: it was not compared */
    struct run_source mix[RUN_SOURCES];
    size_t n_mix;
    struct alertlog alerts;
    double gpu_utilization, gpu_memory, gpu_celsius, gpu_watts; /* NaN: not said */
    uint64_t bad_lines;
    bool live;          /* a `train` holds its lock */
    struct tail file;   /* metrics.jsonl */
    struct stat config; /* config.json as it was when it was read */
    json_t *settings;   /* what it says, an object; NULL: there is none that can be read; owned */
    int config_error;   /* errno of a failure to read it */
};

/* path: a run, or something in it. NULL: err says why, and errno is ENOENT where there is no run. */
struct run *run_open(const char *path, char *err, size_t cap);
void run_poll(struct run *r);
/* From the next run_poll on only this share (0..1) of metrics.jsonl counts: for a replay. */
void run_show(struct run *r, double share);
void run_close(struct run *r);
bool run_is_live(const char *path);           /* a `train` holds the lock of this directory */
double run_seconds_left(const struct run *r); /* NaN: cannot be told */
/* Which phase of its schedule a step belongs to: "warm-up", "constant", "cosine", "decay"; "" where the
 * schedule is not known. */
const char *run_phase(const struct run *r, double step);
json_t *run_to_json(const struct run *r);
/* errno of a read that failed in the last run_poll, so that what r holds is not all that there is; 0: none
 * did. */
int run_error(const struct run *r);

#endif
