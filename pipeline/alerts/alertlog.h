/*
 * alertlog.h - alerts.jsonl of a run: the alerts that were raised, and those that somebody has seen
 *
 *   {"type":"alert","id":"spike@321","time":"2026-05-01T12:00:00Z","severity":"warning","rule":"spike",
 *    "subject":"","step":321,"text":"loss 9.5, ...","run":"/data/runs/a"}
 *   {"type":"ack","id":"spike@321","time":"..."}
 *
 * Lines are appended whole, with one write, by whoever watches the run and by monitors in which somebody
 * acknowledges. An id stands there once: rule, subject and step. Formats: formats/checkpoint.md.
 */
#ifndef ALERTS_ALERTLOG_H
#define ALERTS_ALERTLOG_H

#include "pipeline/alerts/rules.h"
#include "pipeline/lib/tail.h"

#include <stddef.h>

enum { ALERTLOG_KEPT = 128, ALERTLOG_ID = 128, ALERTLOG_KNOWN = 4096 };

struct alertlog_entry {
    char id[ALERTLOG_ID], text[ALERT_TEXT];
    double step;
    enum severity severity;
    bool seen; /* acknowledged */
};

struct alertlog {
    char *path;
    struct tail file;                       /* fd -1: there is none yet */
    struct alertlog_entry v[ALERTLOG_KEPT]; /* a ring: the newest is v[(n - 1) % ALERTLOG_KEPT] */
    uint64_t n;
    uint64_t known[ALERTLOG_KNOWN], n_known; /* hashes of ids, a ring */
    /* For each alert that is read; may be NULL. line: as it stands in the file, len bytes. */
    void (*fresh)(void *arg, const char *line, size_t len);
    void *arg;
};

void alertlog_open(struct alertlog *l, const char *run);
void alertlog_poll(struct alertlog *l); /* reads what was appended since */
void alertlog_close(struct alertlog *l);
/* Appends; 0, also when its id is there already, or -1 with errno. run: for the line. */
int alertlog_add(struct alertlog *l, const struct alert *a, const char *run);
/* Marks as seen all that is not; returns how many, or -1 with errno. */
int alertlog_acknowledge(struct alertlog *l);
unsigned alertlog_unseen(const struct alertlog *l, enum severity least);

#endif
