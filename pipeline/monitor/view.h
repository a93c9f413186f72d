/*
 * view.h - what the monitor shows: runs and stages drawn into a grid
 *
 * Pure drawing: the same for a terminal, for `monitor --once` and for tests.
 */
#ifndef MONITOR_VIEW_H
#define MONITOR_VIEW_H

#include "pipeline/monitor/grid.h"
#include "pipeline/monitor/hardware.h"
#include "pipeline/monitor/run.h"
#include "pipeline/monitor/stages.h"

enum pane {
    PANE_OVERVIEW,
    PANE_LOSS,
    PANE_RATES,
    PANE_PIPELINE,
    PANE_MIX,
    PANE_ENGINE,
    PANE_MACHINE,
    PANE_EVENTS,
    PANE_SAMPLES,
    N_PANES
};

enum { VIEW_RUNS = SERIES_COLOURS, VIEW_WIDTH = 60, VIEW_HEIGHT = 20 /* smallest size */ };

struct view {
    struct run *runs[VIEW_RUNS]; /* borrowed */
    size_t n_runs, chosen;       /* chosen: whose numbers are shown beside the curves */
    const struct stages *stages;
    const struct hardware *hardware; /* NULL: not looked at */
    enum pane pane;
    bool log, paused, help, replay;
    double replay_rate;  /* of a replay: how many times its usual speed */
    const char *trouble; /* what went wrong, for the last row; NULL: nothing */
    double from, to;     /* the part of the run that curves show, 0..1 */
    int scroll;          /* events: how many of the newest are passed over */
    char search[64];     /* events: only those that hold it; "": all */
};

/* The name of a pane, "Overview". */
const char *view_pane_name(enum pane p);
/* The pane whose name is drawn at a place of a screen of that size, as when it is clicked on; N_PANES: none
 * is. */
enum pane view_pane_at(const struct view *v, int width, int height, int x, int y);
void view_draw(const struct view *v, struct grid *g);

#endif
