#include "pipeline/lib/trace.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static struct {
    FILE *f; /* NULL: no trace */
    char *path, *own;
    int rank, rows; /* rows that have a name */
    double epoch;   /* the clock of the day less now_seconds() */
} trace;

static char *path_of(int rank)
{
    return rank == 0 ? xstrdup(trace.path) : xasprintf("%s.%d", trace.path, rank);
}

/* Gives a row, or with tid -1 the rank, its name. */
static void name_row(int tid, const char *what, const char *name)
{
    fprintf(trace.f, "{\"name\":\"%s\",\"ph\":\"M\",\"pid\":%d,\"tid\":%d,\"args\":{\"name\":\"%s\"}},\n",
            what, trace.rank, tid < 0 ? 0 : tid, name);
}

void trace_open(const char *path, int rank)
{
    struct timespec day;
    char host[64] = "?", name[96];
    trace.path = xstrdup(path);
    trace.rank = rank;
    trace.own = path_of(rank);
    trace.f = fopen(trace.own, "we");
    if (!trace.f)
        die_errno("%s", trace.own);
    clock_gettime(CLOCK_REALTIME, &day);
    trace.epoch = (double)day.tv_sec + (double)day.tv_nsec / 1e9 - now_seconds();
    if (rank == 0)
        fputs("[\n", trace.f);
    gethostname(host, sizeof host - 1);
    snprintf(name, sizeof name, "rank %d on %s", rank, host);
    name_row(-1, "process_name", name);
    trace_flush();
}

double trace_now(void)
{
    return trace.f ? now_seconds() : 0;
}

static void name_new_rows(int row)
{
    for (; trace.rows <= row; trace.rows++)
        name_row(trace.rows, "thread_name", trace.rows == TRACE_COMPUTE ? "compute" : "network");
}

static void span(int row, double from, double until, const char *kind, const char *name, va_list ap)
{
    name_new_rows(row);
    fputs("{\"name\":\"", trace.f);
    vfprintf(trace.f, name, ap);
    fprintf(trace.f, "\",\"cat\":\"%s\",\"ph\":\"X\",\"ts\":%.3f,\"dur\":%.3f,\"pid\":%d,\"tid\":%d},\n",
            kind, (from + trace.epoch) * 1e6, (until - from) * 1e6, trace.rank, row);
}

void trace_span(int row, double from, const char *kind, const char *name, ...)
{
    va_list ap;
    if (!trace.f)
        return;
    va_start(ap, name);
    span(row, from, now_seconds(), kind, name, ap);
    va_end(ap);
}

void trace_span_until(int row, double from, double until, const char *kind, const char *name, ...)
{
    va_list ap;
    if (!trace.f)
        return;
    va_start(ap, name);
    span(row, from, until, kind, name, ap);
    va_end(ap);
}

/* A trace that cannot be written ends, not the run. */
void trace_flush(void)
{
    if (!trace.f || (fflush(trace.f) == 0 && !ferror(trace.f)))
        return;
    warn("%s: cannot write; there will be no further trace", trace.own);
    fclose(trace.f);
    trace.f = NULL;
}

/* Appends another rank's file to this one, which it is removed for once all of it is there. */
static void append(const char *path)
{
    char buf[1 << 16];
    size_t n;
    FILE *from = fopen(path, "re");
    if (!from)
        return;
    while ((n = fread(buf, 1, sizeof buf, from)) > 0)
        fwrite(buf, 1, n, trace.f);
    bool read = !ferror(from);
    fclose(from);
    trace_flush();
    if (read && trace.f)
        unlink(path);
}

void trace_close(int ranks)
{
    for (int r = 1; trace.f && trace.rank == 0 && r < ranks; r++) {
        char *path = path_of(r);
        append(path);
        free(path);
    }
    if (trace.f && trace.rank == 0)
        fputs("{\"name\":\"end\",\"ph\":\"M\",\"pid\":0}\n]\n", trace.f);
    trace_flush();
    if (trace.f)
        fclose(trace.f);
    trace.f = NULL;
}
