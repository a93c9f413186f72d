/*
 * panes.h - the parts of the monitor's screen: each draws into a rectangle of the grid
 */
#ifndef MONITOR_PANES_H
#define MONITOR_PANES_H

#include "pipeline/monitor/plot.h"
#include "pipeline/monitor/view.h"

typedef void pane_draw(const struct view *v, struct grid *g, struct rect r);

pane_draw pane_training_loss, pane_loss, pane_rates, pane_stages, pane_pipeline, pane_mix, pane_engine,
    pane_machine, pane_events, pane_events_alone, pane_samples;

/* The run whose numbers are shown; NULL: there is none. */
const struct run *view_chosen(const struct view *v);

/* Numbers as people read them, in out: "1638k", "3 min 05 s"; "-": not known. */
const char *amount(char *out, size_t cap, double x);
const char *duration(char *out, size_t cap, double seconds);

/* The phases of a run's schedule on one row, each in its colour, full up to its last step. */
void draw_ribbon(struct grid *g, int x, int y, int width, const struct run *r);

/* Curves that are drawn together. */
enum { MAX_CURVES = 3 * VIEW_RUNS + RUN_SOURCES };
struct curves {
    struct curve v[MAX_CURVES];
    double *owned[2 * MAX_CURVES];
    size_t n, n_owned;
};
/* Returns n doubles that free_curves frees. */
double *curves_room(struct curves *c, size_t n);
void curves_add(struct curves *c, const double *x, const double *y, size_t n, enum colour colour, bool joined,
                const char *name);
/* The smoothed loss of a run. */
void curves_add_loss(struct curves *c, const struct run *r, enum colour colour);
/* Draws them over the part of time that is looked at, and frees what they own. */
void curves_draw(const struct view *v, struct grid *g, struct rect r, struct curves *c, bool log);

#endif
