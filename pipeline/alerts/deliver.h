/*
 * deliver.h - hand alerts to a program (--on-alert) and to a server (--alert-url)
 *
 * Belongs to one thread that may wait a little: a program runs beside it, a server is given 10 seconds. The
 * program gets the alert's JSON line as its standard input; no shell is involved, and what it prints goes to
 * standard error. One runs at a time, and one that takes more than 30 seconds is killed. Failures are warned
 * of; an alert that cannot be delivered is in alerts.jsonl all the same.
 */
#ifndef ALERTS_DELIVER_H
#define ALERTS_DELIVER_H

#include <stddef.h>
#include <stdbool.h>

struct deliver;

/* 0, or -1 with the reason in err: the options cannot be what they are. NULL: not given. */
int deliver_check(const char *command, const char *url, char *err, size_t cap);
/* command: a program and its arguments, separated by blanks, or NULL; url: or NULL. Returns NULL, with the
 * reason in err, for a URL that is neither https nor http to this machine. */
struct deliver *deliver_open(const char *command, const char *url, char *err, size_t cap);
/* A line without its '\n'. When too many wait, the newest is dropped, with a warning. */
void deliver_push(struct deliver *d, const char *line, size_t len);
void deliver_step(struct deliver *d); /* starts what waits, looks after what runs */
/* Goes on delivering for at most so many seconds, then ends what runs. NULL is fine. */
void deliver_close(struct deliver *d, double seconds);

#endif
