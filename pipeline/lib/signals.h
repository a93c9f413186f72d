/*
 * signals.h - the one table of what each signal does to a program (docs/signals.md is its page)
 *
 * A program that has something to commit calls signals_install. Loops then
 * look at stop_signal; the program commits what is whole and exits 128+n. A
 * second INT, TERM, HUP or QUIT ends it at once. Programs that only filter do
 * not call it: a signal ends them as it ends any filter.
 */
#ifndef LIB_SIGNALS_H
#define LIB_SIGNALS_H

#include <signal.h>

extern volatile sig_atomic_t stop_signal; /* which signal asked the program to stop; 0: none */
extern volatile sig_atomic_t save_signal; /* which signal asked it to save and to go on; 0: none */

/* In every program, from cli_parse: SIGXFSZ is ignored, so that a file-size limit is a failed write whose
 * message names the file; SIGBUS names the mapped file that was cut short, and exits 1. */
void signals_begin(void);
void signals_install(void); /* called by the main thread */
/* After signals_install: this signal sets save_signal instead of stop_signal. */
void signals_save_on(int sig);
/* The exit code of a program that stop_signal ends, 128+n, for main to return; 0: none came. */
int signal_exit_code(void);

#endif
