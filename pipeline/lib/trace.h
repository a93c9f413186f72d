/*
 * trace.h - what a program does when, as a trace that chrome://tracing and https://ui.perfetto.dev show
 *
 *   trace_open("trace.json", rank);                        without this, every call here returns at once
 *   double from = trace_now();
 *   work
 *   trace_span(TRACE_COMPUTE, from, "forward", "forward %d", layer);
 *   trace_flush();                                         what was traced so far is in the file
 *   trace_close(ranks);                                    rank 0 when all others have flushed theirs
 *
 * The file is an array of JSON objects (the JSON Array Format of Chrome's Trace Event Format), one a line.
 * Rank 0 writes FILE, rank r writes FILE.r, which rank 0 joins to its own in trace_close. What a killed run
 * leaves is an array without its end, which the viewers take as it is; `cat FILE FILE.1 ...` makes one of all
 * ranks. Times are microseconds since 1970, so that ranks on hosts with synchronised clocks agree. Only one
 * thread traces.
 */
#ifndef LIB_TRACE_H
#define LIB_TRACE_H

/* Rows of a rank in the viewer; spans in one row follow each other or lie within one another. */
enum { TRACE_COMPUTE, TRACE_NETWORK }; /* TRACE_NETWORK + k: the kth of several transfers at a time */

void trace_open(const char *path, int rank); /* dies when there can be no such file */
double trace_now(void);                      /* seconds; 0 without a trace */
/* A span from trace_now() before until now; kind: what it is coloured and filtered by. */
void trace_span(int row, double from, const char *kind, const char *name, ...)
    __attribute__((format(printf, 4, 5)));
/* A span that ended at `until`. */
void trace_span_until(int row, double from, double until, const char *kind, const char *name, ...)
    __attribute__((format(printf, 5, 6)));
void trace_flush(void);
void trace_close(int ranks);

#endif
