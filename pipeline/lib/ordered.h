/*
 * ordered.h - many threads work on jobs, whose results are emitted in the order of arrival
 *
 *   o = ordered_start(...)
 *   while ((job = ordered_get(o))) { fill job; ordered_put(o); }
 *   ordered_finish(o)
 *
 * The caller owns the jobs, which are reused in turn: at most n_jobs are in progress, which bounds memory.
 * work runs in any of the workers; emit runs in a thread of its own, one job after the other. Signals are
 * delivered to the calling thread only.
 */
#ifndef LIB_ORDERED_H
#define LIB_ORDERED_H

#include <stddef.h>

struct ordered_ops {
    void (*work)(void *arg, size_t worker, void *job);
    void (*emit)(void *arg, void *job);
    void (*idle)(void *arg); /* called in emit's thread when no job is ready, to flush. May be NULL */
    void *arg;
};

struct ordered;
struct ordered *ordered_start(const struct ordered_ops *ops, size_t n_workers, void *const *jobs,
                              size_t n_jobs);
void *ordered_get(struct ordered *o);   /* waits for a free job */
void ordered_put(struct ordered *o);    /* hands over the job that the last ordered_get returned */
void ordered_finish(struct ordered *o); /* waits until all jobs have been emitted; frees o */

/* The number of processors that this process may use. */
size_t processors(void);

#endif
