/*
 * plot.h - bits per byte against processor time (log), one line an arm, as SVG
 *
 * A marker is a budget: the mean over seeds at the geometric mean of their times, with a whisker from the
 * lowest to the highest. Dashed: the baseline's mean at the full budget.
 */
#ifndef CAMPAIGN_PLOT_H
#define CAMPAIGN_PLOT_H

#include <stdio.h>

#include "tools/campaign/judge.h"

void plot_write(FILE *f, const struct campaign *c, const struct verdict *v);

#endif
