/*
 * log.h - messages to people, on stderr, and how a program ends
 *
 * Messages start with the program's name. Exit codes: 0 ok, 1 failed, 2 misuse, 128+n ended by signal n after
 * committing complete results.
 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline/lib/signals.h"

extern const char *program_name; /* set by cli_parse */
extern int log_level;            /* 0 --quiet, 1 default, 2 --verbose, or: */
enum { LOG_FAILURES = -1 };      /* nothing is shown but what die says */

void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));    /* shown at level >= 1 */
void detail(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* shown at level >= 2 */
void warn(const char *fmt, ...)
    __attribute__((format(printf, 1, 2))); /* shown with "warning: ", even with --quiet */
_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* exits with 1 */
_Noreturn void die_errno(const char *fmt, ...)
    __attribute__((format(printf, 1, 2))); /* adds ": " and strerror, exits with 1 */

/* Registers a function that runs when the program ends, by die() or any other exit, unless at_failure_cancel
 * comes first: it removes temporary files. The last one registered runs first. Must not be called from signal
 * handlers. */
void at_failure(void (*fn)(void *), void *arg);
void at_failure_cancel(void *arg); /* removes the function registered with arg */

/* Flushes stdout and exits with 1 when anything was not written (a full disk must not exit with 0). */
void close_stdout(void);

/* Tells that an output is already in place: a message of a later failure then says so, since exit 1 otherwise
 * means that nothing was changed. NULL: none is. */
void say_in_place(const char *what);

/* Shows progress on stderr, only when that is a terminal and without --quiet, redrawn at most 10 times a
 * second. total 0: unknown. unit: "docs", "bytes" (shown as MB), "tokens", "steps". extra: free text or NULL.
 */
void progress(const char *what, uint64_t done, uint64_t total, const char *unit, const char *extra);
void progress_end(void); /* clears the line */

double now_seconds(void); /* CLOCK_MONOTONIC */

#endif
