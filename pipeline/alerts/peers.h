/*
 * peers.h - the stages that work together with a trainer: which died, and which does nothing while it waits
 *
 * Stages of one command line or script are in one process group, and each publishes a page of counters
 * (shm/stats.h). A stage is idle when neither its counters nor its processor time have changed; one whose
 * ring is full waits for its reader and is not to blame.
 */
#ifndef ALERTS_PEERS_H
#define ALERTS_PEERS_H

#include "shm/stats.h"

#include <sys/types.h>

enum { PEERS_MAX = 32 };

struct peer {
    char file[STATS_FILE], stage[STATS_NAME];
    pid_t pid;
    double values, ticks; /* sum of its counters; processor time in clock ticks */
    double since;         /* when these last changed */
    bool full;            /* it writes a ring that is full */
    bool found, told;     /* found: in this look; told: that it died */
};

struct peers {
    pid_t trainer;
    struct peer v[PEERS_MAX];
    int n;
};

/* Looks at all pages; now: seconds on any clock. */
void peers_look(struct peers *p, double now);
/* Returns the next stage that died and was not returned before; NULL: none. */
const struct peer *peers_next_dead(struct peers *p);
/* Returns the stage that keeps an idle trainer waiting, or the trainer itself; idle: since how many seconds
 * the trainer has done nothing. NULL: the trainer is at work, or unknown. */
const struct peer *peers_idle(const struct peers *p, double now, double *idle);

#endif
