/*
 * signals.h - the single table of what each signal does to a program (described in docs/signals.md)
 *
 * A program that has something to commit calls signals_install. Its loops then check stop_signal; the program
 * commits complete results and exits with 128+n. A second INT, TERM, HUP or QUIT ends it at once. Programs
 * that only filter do not call it: a signal ends them as it ends any filter.
 */
#ifndef LIB_SIGNALS_H
#define LIB_SIGNALS_H

#include <signal.h>

extern volatile sig_atomic_t stop_signal; /* which signal asked the program to stop; 0: none */
extern volatile sig_atomic_t save_signal; /* which signal asked the program to save and continue; 0: none */

/* Called in every program, by cli_parse: SIGXFSZ is ignored, so that reaching a file-size limit is a failed
 * write whose message names the file; SIGBUS reports the mapped file that was cut short, and exits with 1. */
void signals_begin(void);
void signals_install(void); /* called by the main thread */
/* Called after signals_install: makes this signal set save_signal instead of stop_signal. */
void signals_save_on(int sig);
/* The exit code of a program that stop_signal ends, 128+n, for main to return; 0: no signal came. */
int signal_exit_code(void);

#endif
