/*
 * ordered.h - many threads work on jobs, which leave in the order in which they came
 *
 *   o = ordered_start(...)
 *   while ((job = ordered_get(o))) { fill job; ordered_put(o); }
 *   ordered_finish(o)
 *
 * The jobs are the caller's and go round: at most n_jobs are under way, which
 * bounds memory. work runs in any of the workers, emit in one thread of its own,
 * job after job. Signals stay with the calling thread.
 */
#ifndef LIB_ORDERED_H
#define LIB_ORDERED_H

#include <stddef.h>

struct ordered_ops {
    void (*work)(void *arg, size_t worker, void *job);
    void (*emit)(void *arg, void *job);
    void (*idle)(void *arg); /* in emit's thread, when nothing is ready: flush. May be NULL */
    void *arg;
};

struct ordered;
struct ordered *ordered_start(const struct ordered_ops *ops, size_t n_workers, void *const *jobs,
                              size_t n_jobs);
void *ordered_get(struct ordered *o);   /* waits for a free job */
void ordered_put(struct ordered *o);    /* the job that ordered_get gave last is filled */
void ordered_finish(struct ordered *o); /* waits until all have left; frees o */

/* Processors this process may use. */
size_t processors(void);

#endif
