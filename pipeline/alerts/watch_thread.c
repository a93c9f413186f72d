/*
 * watch_thread.c - the watch in a thread of the trainer
 *
 * It shares nothing with training but the files. Signals go to other threads.
 */
#include "pipeline/alerts/watch.h"

#include "pipeline/lib/log.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const double END_S = 3; /* that a trainer waits at its end for deliveries */

static struct {
    pthread_t id;
    bool runs, stop;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct watch *watch;
} thread = {.mutex = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

/* Waits a second; true: it is to stop. */
static bool told_to_stop(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec++;
    pthread_mutex_lock(&thread.mutex);
    if (!thread.stop)
        pthread_cond_timedwait(&thread.wake, &thread.mutex, &until);
    bool stop = thread.stop;
    pthread_mutex_unlock(&thread.mutex);
    return stop;
}

static void *run(void *arg)
{
    (void)arg;
    do
        watch_poll(thread.watch);
    while (!told_to_stop());
    watch_poll(thread.watch);
    return NULL;
}

static void stop_at_end(void *arg)
{
    (void)arg;
    watch_thread_stop();
}

int watch_thread_start(const struct watch_settings *s, char *err, size_t cap)
{
    sigset_t all, before;
    thread.watch = watch_open(s, err, cap);
    if (!thread.watch)
        return -1;
    watch_trainer(thread.watch, getpid());
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&thread.id, NULL, run, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        snprintf(err, cap, "no thread for the watch: %s", strerror(rc));
        watch_close(thread.watch, 0);
        return -1;
    }
    thread.runs = true;
    at_failure(stop_at_end, &thread);
    return 0;
}

void watch_thread_stop(void)
{
    if (!thread.runs || pthread_equal(pthread_self(), thread.id)) /* the latter: it ran out of memory */
        return;
    thread.runs = false;
    at_failure_cancel(&thread);
    pthread_mutex_lock(&thread.mutex);
    thread.stop = true;
    pthread_cond_signal(&thread.wake);
    pthread_mutex_unlock(&thread.mutex);
    pthread_join(thread.id, NULL);
    watch_close(thread.watch, END_S);
}
