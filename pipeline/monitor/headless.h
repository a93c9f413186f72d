/*
 * headless.h - watch runs without a screen: alerts as lines on stdout, to a program and to a server
 */
#ifndef MONITOR_HEADLESS_H
#define MONITOR_HEADLESS_H

#include <stdbool.h>
#include <stddef.h>

/* Until a signal comes or, unless `stay`, none of the runs is trained any more; finished runs are judged as a
 * whole. Dies when a run cannot be read. on_alert, alert_url: NULL: none. */
void headless_run(char *const *runs, size_t n, const char *on_alert, const char *alert_url, bool stay);

#endif
