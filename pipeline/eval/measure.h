/*
 * measure.h - everything that was asked about one checkpoint
 */
#ifndef EVAL_MEASURE_H
#define EVAL_MEASURE_H

#include "pipeline/eval/choices.h"
#include "pipeline/eval/core.h"
#include "pipeline/eval/tally.h"
#include "pipeline/eval/windows.h"

struct source { /* NAME=PATH, as the user gave it */
    char *name; /* owned */
    const char *path;
    struct shots shots; /* of a task */
};

struct measure_plan {
    struct source *data, *tasks; /* owned */
    size_t n_data, n_tasks;
    const char *core; /* a bundle (eval/core.h); NULL: none */
    const char *device, *dtype;
    int64_t threads;
    uint64_t context, stride; /* 0: the model's context, and half of it */
    uint64_t limit, examples; /* see eval --help; 0: all */
    bool document_mask;
    enum scoring_way way;
    bool keep;                 /* the losses of each document are kept */
    bool table;                /* rows go to standard output as they come */
    struct token_sink *tokens; /* NULL, or what takes the loss of each token of the data */
};

struct measured {
    char *dir; /* owned: the model directory */
    int T, stride;
    uint64_t parameters;
    struct tally *data;      /* owned: plan->n_data of them */
    struct questions *tasks; /* owned: plan->n_tasks of them, scored */
    struct core core;        /* owned; without tasks when plan->core is NULL */
};

/* checkpoint: a run or a model directory. Returns early when stop_signal is set (look at it). */
void measure(struct measured *r, const struct measure_plan *plan, const char *checkpoint);
void measured_free(struct measured *r, const struct measure_plan *plan);
json_t *measured_data_json(const struct measured *r, const struct measure_plan *plan);
json_t *measured_tasks_json(const struct measured *r, const struct measure_plan *plan);
/* The mean of all tasks' centred accuracies (eval/report.h); NaN without tasks. */
double measured_centred(const struct measured *r, const struct measure_plan *plan);
/* Reads the questions of the i-th task. */
void measure_read_task(struct questions *q, const struct measure_plan *plan, size_t i, uint64_t limit);

#endif
