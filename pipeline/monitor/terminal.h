/*
 * terminal.h - a view in a terminal (ncursesw), with keys, until the user leaves or a signal comes
 */
#ifndef MONITOR_TERMINAL_H
#define MONITOR_TERMINAL_H

#include "pipeline/monitor/view.h"

/* poll reads what is new; called twice a second, less when the view is paused. Dies when there is no
 * terminal. */
void terminal_show(struct view *v, bool ascii, void (*poll)(void));

#endif
