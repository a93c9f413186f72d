/*
 * view.h - what the monitor shows: runs and stages drawn into a grid
 *
 * Pure drawing: the same for a terminal, for `monitor --once` and for tests.
 */
#ifndef MONITOR_VIEW_H
#define MONITOR_VIEW_H

#include "pipeline/monitor/grid.h"
#include "pipeline/monitor/run.h"
#include "pipeline/monitor/stages.h"

enum pane { PANE_OVERVIEW, PANE_LOSS, PANE_RATES, PANE_PIPELINE, PANE_EVENTS, PANE_SAMPLES, N_PANES };

enum { VIEW_RUNS = SERIES_COLOURS, VIEW_WIDTH = 60, VIEW_HEIGHT = 20 /* smallest size */ };

struct view {
    struct run *runs[VIEW_RUNS]; /* borrowed */
    size_t n_runs, chosen;       /* chosen: whose numbers are shown beside the curves */
    const struct stages *stages;
    enum pane pane;
    bool log, paused, help;
    double from, to; /* the part of the run that curves show, 0..1 */
    int scroll;      /* events: how many of the newest are passed over */
    char search[64]; /* events: only those that hold it; "": all */
};

void view_draw(const struct view *v, struct grid *g);

#endif
