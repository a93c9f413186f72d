/*
 * plot.h - curves drawn with braille dots (2 x 4 to a character), with both axes labelled
 */
#ifndef MONITOR_PLOT_H
#define MONITOR_PLOT_H

#include "pipeline/monitor/grid.h"

#include <stddef.h>

struct curve {
    const double *x, *y; /* n points, x ascending; what is not finite is left out */
    size_t n;
    enum colour colour;
    bool joined; /* a line; otherwise points */
    const char *name;
};

struct plot {
    double from, to; /* range of x */
    bool log;        /* logarithmic y; values that are not positive are left out */
    const char *x_name;
};

/* Curves that come later are drawn over earlier ones. r is at least 20 x 4, or nothing is drawn. */
void plot_draw(struct grid *g, struct rect r, const struct plot *p, const struct curve *curves, size_t n);

#endif
