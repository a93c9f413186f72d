#include "pipeline/lib/log.h"

#include "pipeline/lib/counters.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

const char *program_name = "tritter";
int log_level = 1;

static struct cleanup {
    void (*fn)(void *);
    void *arg;
} * cleanups; /* grows by realloc */
static int n_cleanups;
static bool progress_shown;
static char *in_place;

/* Names of files may hold bytes that command a terminal, or begin a line that looks like another message. */
static void disarm(char *text)
{
    for (unsigned char *s = (unsigned char *)text; *s; s++) {
        if ((*s < ' ' && *s != '\t') || *s == 0x7f)
            *s = '?';
        else if (*s == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0) /* commands of 8 bits, in UTF-8 */
            *s = s[1] = '?';
    }
}

static void message(bool failed, const char *kind, const char *fmt, va_list ap, const char *tail)
{
    char line[4096];
    progress_end();
    vsnprintf(line, sizeof line, fmt, ap);
    disarm(line);
    fprintf(stderr, "%s: %s%s%s%s", program_name, kind, line, tail ? ": " : "", tail ? tail : "");
    if (failed && in_place)
        fprintf(stderr, " (but %s is in place, new and whole)", in_place);
    fputc('\n', stderr);
}

#define MESSAGE(failed, kind, tail)                                                                          \
    do {                                                                                                     \
        va_list ap;                                                                                          \
        va_start(ap, fmt);                                                                                   \
        message(failed, kind, fmt, ap, tail);                                                                \
        va_end(ap);                                                                                          \
    } while (0)

void say(const char *fmt, ...)
{
    if (log_level >= 1)
        MESSAGE(false, "", NULL);
}

void detail(const char *fmt, ...)
{
    if (log_level >= 2)
        MESSAGE(false, "", NULL);
}

void warn(const char *fmt, ...)
{
    if (log_level > LOG_FAILURES)
        MESSAGE(false, "warning: ", NULL);
}

static void run_cleanups(void)
{
    while (n_cleanups > 0) {
        n_cleanups--;
        cleanups[n_cleanups].fn(cleanups[n_cleanups].arg);
    }
}

/* Runs the clean-ups first, so that a clean-up function may call die() in its turn. What libraries would do
 * at exit() is left out: it takes from other threads what they still use. */
static _Noreturn void fail(void)
{
    run_cleanups();
    fcloseall(); /* flushes all without their locks, as exit() does: a thread may wait for input with one */
    _exit(1);
}

void die(const char *fmt, ...)
{
    MESSAGE(true, "", NULL);
    fail();
}

void die_errno(const char *fmt, ...)
{
    char limited[128];
    const char *reason = strerror(errno);
    struct rlimit limit;
    if (errno == EFBIG && getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        snprintf(limited, sizeof limited, "%s: files may have %llu bytes here (ulimit -f)", reason,
                 (unsigned long long)limit.rlim_cur);
        reason = limited;
    }
    MESSAGE(true, "", reason);
    fail();
}

void say_in_place(const char *what)
{
    free(in_place);
    in_place = what ? strdup(what) : NULL;
}

void at_failure(void (*fn)(void *), void *arg)
{
    static bool at_exit;
    if (!at_exit)
        at_exit = atexit(run_cleanups) == 0;
    struct cleanup *more = realloc(cleanups, (size_t)(n_cleanups + 1) * sizeof *more);
    if (!more)
        die_errno("clean-ups");
    cleanups = more;
    cleanups[n_cleanups].fn = fn;
    cleanups[n_cleanups++].arg = arg;
}

void at_failure_cancel(void *arg)
{
    for (int i = 0; i < n_cleanups; i++) {
        if (cleanups[i].arg != arg)
            continue;
        memmove(cleanups + i, cleanups + i + 1, (size_t)(n_cleanups - i - 1) * sizeof *cleanups);
        n_cleanups--;
        return;
    }
}

void close_stdout(void)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        die_errno("standard output");
    if (fclose(stdout) != 0)
        die_errno("standard output");
}

double now_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Formats 1234567 as "1.23M", and bytes in MB. */
static const char *amount(char buf[32], uint64_t n, const char *unit)
{
    bool bytes = strcmp(unit, "bytes") == 0;
    if (bytes)
        snprintf(buf, 32, "%.1f MB", (double)n / 1e6);
    else if (n < 100000)
        snprintf(buf, 32, "%llu", (unsigned long long)n);
    else if (n < 1000000000)
        snprintf(buf, 32, "%.2fM", (double)n / 1e6);
    else
        snprintf(buf, 32, "%.2fG", (double)n / 1e9);
    return buf;
}

/* Publishes progress for monitors, even when nobody watches the terminal. */
static void publish(uint64_t done, uint64_t total, const char *unit)
{
    static struct counter so_far = {.name = "done", .kind = STATS_GAUGE},
                          all = {.name = "total", .kind = STATS_GAUGE};
    so_far.unit = all.unit = unit;
    counters_begin();
    counter_set(&so_far, (double)done);
    counter_set(&all, (double)total);
    counters_end();
}

void progress(const char *what, uint64_t done, uint64_t total, const char *unit, const char *extra)
{
    static int terminal = -1;
    static double last, began;
    double now;
    char a[32], b[32];
    publish(done, total, unit);
    if (terminal < 0) {
        terminal = isatty(2);
        began = now_seconds();
    }
    if (!terminal || log_level < 1 || (now = now_seconds()) - last < 0.1)
        return;
    last = now;
    progress_shown = true;
    fprintf(stderr, "\r\033[K%s: %s %s", program_name, what, amount(a, done, unit));
    if (total) {
        double left = done ? (now - began) * (double)(total - done) / (double)done : 0;
        fprintf(stderr, " of %s (%.0f%%, %.0fs left)", amount(b, total, unit),
                100.0 * (double)done / (double)total, left);
    }
    if (strcmp(unit, "bytes") != 0)
        fprintf(stderr, " %s", unit);
    if (extra)
        fprintf(stderr, "  %s", extra);
    fflush(stderr);
}

void progress_end(void)
{
    if (!progress_shown)
        return;
    fprintf(stderr, "\r\033[K");
    progress_shown = false;
}
