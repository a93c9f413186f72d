/*
 * ordered.c - job number n lives in slot n % n_jobs; three counters chase each other
 *
 *   emitted <= taken <= put, put - emitted <= n_jobs
 *
 * One mutex guards all of them; for each slot between emitted and taken, `done` says whether its work is
 * finished.
 */
#include "pipeline/lib/ordered.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

struct worker {
    struct ordered *o;
    size_t index;
    pthread_t thread;
};

struct ordered {
    struct ordered_ops ops;
    pthread_mutex_t mutex;
    pthread_cond_t filled, worked, freed; /* signal changes of put, done and emitted */
    uint64_t put, taken, emitted;
    bool closed;
    void **jobs;
    bool *done;
    size_t n_jobs, n_workers;
    struct worker *workers;
    pthread_t emitter;
};

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct ordered *o = w->o;
    pthread_mutex_lock(&o->mutex);
    for (;;) {
        while (o->taken == o->put && !o->closed)
            pthread_cond_wait(&o->filled, &o->mutex);
        if (o->taken == o->put)
            break;
        size_t slot = o->taken++ % o->n_jobs;
        pthread_mutex_unlock(&o->mutex);
        o->ops.work(o->ops.arg, w->index, o->jobs[slot]);
        pthread_mutex_lock(&o->mutex);
        o->done[slot] = true;
        pthread_cond_signal(&o->worked);
    }
    pthread_mutex_unlock(&o->mutex);
    return NULL;
}

static void wait_for_work(struct ordered *o, size_t slot)
{
    bool idled = false;
    while (!o->done[slot] && !(o->closed && o->emitted == o->put)) {
        if (!idled && o->ops.idle) {
            pthread_mutex_unlock(&o->mutex);
            o->ops.idle(o->ops.arg);
            idled = true;
            pthread_mutex_lock(&o->mutex);
            continue;
        }
        pthread_cond_wait(&o->worked, &o->mutex);
    }
}

static void *emitter_main(void *arg)
{
    struct ordered *o = arg;
    pthread_mutex_lock(&o->mutex);
    for (;;) {
        size_t slot = o->emitted % o->n_jobs;
        wait_for_work(o, slot);
        if (!o->done[slot])
            break;
        pthread_mutex_unlock(&o->mutex);
        o->ops.emit(o->ops.arg, o->jobs[slot]);
        pthread_mutex_lock(&o->mutex);
        o->done[slot] = false;
        o->emitted++;
        pthread_cond_signal(&o->freed);
    }
    pthread_mutex_unlock(&o->mutex);
    return NULL;
}

static void start_thread(pthread_t *thread, void *(*run)(void *), void *arg)
{
    int rc = pthread_create(thread, NULL, run, arg);
    if (rc != 0)
        die("cannot start a thread (error %d)", rc);
}

struct ordered *ordered_start(const struct ordered_ops *ops, size_t n_workers, void *const *jobs,
                              size_t n_jobs)
{
    struct ordered *o = xcalloc(1, sizeof *o);
    o->ops = *ops;
    o->n_jobs = n_jobs;
    o->n_workers = n_workers;
    o->jobs = xcalloc(n_jobs, sizeof *o->jobs);
    for (size_t i = 0; i < n_jobs; i++)
        o->jobs[i] = jobs[i];
    o->done = xcalloc(n_jobs, sizeof *o->done);
    o->workers = xcalloc(n_workers, sizeof *o->workers);
    pthread_mutex_init(&o->mutex, NULL);
    pthread_cond_init(&o->filled, NULL);
    pthread_cond_init(&o->worked, NULL);
    pthread_cond_init(&o->freed, NULL);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    for (size_t i = 0; i < n_workers; i++) {
        o->workers[i] = (struct worker){.o = o, .index = i};
        start_thread(&o->workers[i].thread, worker_main, &o->workers[i]);
    }
    /* The thread that writes must receive SIGPIPE on a broken pipe, so that the process ends. */
    sigdelset(&all, SIGPIPE);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    start_thread(&o->emitter, emitter_main, o);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return o;
}

void *ordered_get(struct ordered *o)
{
    pthread_mutex_lock(&o->mutex);
    while (o->put - o->emitted == o->n_jobs)
        pthread_cond_wait(&o->freed, &o->mutex);
    void *job = o->jobs[o->put % o->n_jobs];
    pthread_mutex_unlock(&o->mutex);
    return job;
}

void ordered_put(struct ordered *o)
{
    pthread_mutex_lock(&o->mutex);
    o->put++;
    pthread_cond_signal(&o->filled);
    pthread_mutex_unlock(&o->mutex);
}

void ordered_finish(struct ordered *o)
{
    pthread_mutex_lock(&o->mutex);
    o->closed = true;
    pthread_cond_broadcast(&o->filled);
    pthread_cond_broadcast(&o->worked);
    pthread_mutex_unlock(&o->mutex);
    for (size_t i = 0; i < o->n_workers; i++)
        pthread_join(o->workers[i].thread, NULL);
    pthread_join(o->emitter, NULL);
    pthread_mutex_destroy(&o->mutex);
    pthread_cond_destroy(&o->filled);
    pthread_cond_destroy(&o->worked);
    pthread_cond_destroy(&o->freed);
    free(o->workers);
    free(o->done);
    free(o->jobs);
    free(o);
}

size_t processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int n = CPU_COUNT(&set);
    return n > 0 ? (size_t)n : 1;
}
