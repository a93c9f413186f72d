/*
 * reporter.h - runs as one HTML file that needs nothing else, or as CSV
 */
#ifndef REPORTER_REPORTER_H
#define REPORTER_REPORTER_H

#include "pipeline/monitor/run.h"

#include <stdio.h>

void report_html(FILE *f, struct run *const *runs, size_t n);
/* One line a step that is kept (monitor/run.h), the run's name first. */
void report_csv(FILE *f, struct run *const *runs, size_t n);

#endif
