/*
 * watch.h - watch over a run: read its metrics.jsonl, look at its stages and machine, and write alerts.jsonl
 *
 *   w = watch_open(&settings, err, cap)
 *   watch_poll(w)                         once a second
 *   watch_close(w, seconds)
 *
 * Several programs may watch a run. The one that holds a lock on metrics.jsonl judges; the others follow
 * alerts.jsonl, and one of them takes over when it ends. Alerts that come while watching are delivered
 * (deliver.h). Nothing here ends the program or touches what `train` writes.
 */
#ifndef ALERTS_WATCH_H
#define ALERTS_WATCH_H

#include <stddef.h>
#include <sys/types.h>

struct watch_settings {
    const char *run;                  /* directory */
    const char *on_alert, *alert_url; /* NULL: none */
    /* For each alert while watching, the line that stands in alerts.jsonl; may be NULL. */
    void (*tell)(void *arg, const char *line, size_t len);
    void *arg;
};

struct watch;

/* NULL with err: the run cannot be read, or the URL is wrong. */
struct watch *watch_open(const struct watch_settings *s, char *err, size_t cap);
void watch_trainer(struct watch *w, pid_t pid); /* whose stages are looked at; 0: nobody's */
void watch_poll(struct watch *w);
/* Waits so many seconds at most for what is being delivered. */
void watch_close(struct watch *w, double seconds);

/* Starts a thread of this program, the trainer, that watches its run; there is one at most. Returns 0, or -1
 * with err. It runs until the program ends or watch_thread_stop is called, which lets it read the last lines.
 */
int watch_thread_start(const struct watch_settings *s, char *err, size_t cap);
void watch_thread_stop(void);

#endif
