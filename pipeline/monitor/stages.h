/*
 * stages.h - the stages that run now: their pages of counters (shm/stats.h), with rates
 */
#ifndef MONITOR_STAGES_H
#define MONITOR_STAGES_H

#include "shm/stats.h"

#include <jansson.h>
#include <stdbool.h>

enum { STAGES_MAX = 64 };

struct stage {
    char file[STATS_FILE];
    struct stats_snapshot now;
    double seen;            /* when `now` was taken */
    double rate[STATS_MAX]; /* rate of each counter per second; NaN: not known yet, or a gauge */
    bool died;              /* its process is gone, and it did not end its page */
    bool found;             /* found in this round */
};

struct stages {
    struct stage v[STAGES_MAX];
    int n;
};

void stages_poll(struct stages *s);
/* Returns the value of a counter; NaN: the stage has no such counter. rate may be NULL. */
double stage_value(const struct stage *s, const char *counter, double *rate);
json_t *stages_to_json(const struct stages *s);

#endif
