/*
 * log.h - what a program says to people, on stderr; and how it ends
 *
 * Messages start with the program's name. Exit codes: 0 ok, 1 failed,
 * 2 misuse, 128+n ended by signal n after committing what is whole.
 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline/lib/signals.h"

extern const char *program_name; /* set by cli_parse */
extern int log_level;            /* 0 --quiet, 1 default, 2 --verbose */

void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));           /* level >= 1 */
void detail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));        /* level >= 2 */
void warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));          /* always; "warning: " */
_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* exit 1 */
_Noreturn void die_errno(const char *fmt, ...)
    __attribute__((format(printf, 1, 2))); /* ": strerror", exit 1 */

/* Runs when the program ends, by die() or any other exit, before at_failure_cancel: to remove temporary
 * files. Last registered first. Async-signal use: never. */
void at_failure(void (*fn)(void *), void *arg);
void at_failure_cancel(void *arg); /* forgets the one registered with arg */

/* Flushes stdout and fails with exit 1 when anything was not written (a full disk must not exit 0). */
void close_stdout(void);

/* What an output's exchange has put in place: a failure that comes after it says so, since exit 1 otherwise
 * means that nothing was changed. NULL: nothing. */
void say_in_place(const char *what);

/* Progress on stderr, only when that is a terminal and not --quiet; redrawn at most 10 times a second.
 * total 0: unknown. unit: "docs", "bytes" (shown as MB), "tokens", "steps". extra: free text or NULL. */
void progress(const char *what, uint64_t done, uint64_t total, const char *unit, const char *extra);
void progress_end(void); /* clears the line */

double now_seconds(void); /* CLOCK_MONOTONIC */

#endif
