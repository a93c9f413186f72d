/*
 * plot.h - final validation loss against time of training (log), one line an arm, as SVG
 *
 * A marker is a budget: mean loss over seeds at the geometric mean of the times, with a whisker from the
 * lowest to the highest loss. Pale: validation within the longest run of the first seed, where it has some.
 * Dashed: the target.
 */
#ifndef REPORT_PLOT_H
#define REPORT_PLOT_H

#include <stdio.h>

#include "tools/campaign/judge.h"

void plot_write(FILE *f, const struct campaign *c, const struct verdict *v);

#endif
