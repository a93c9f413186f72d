/*
 * stats.h - a page of counters in shared memory, which one process writes and all processes of the same user
 * may read
 *
 *   writer                                        reader (monitor)
 *   stats_create(&s, "tokenize", "books.zst")     stats_list(names, cap)
 *   i = stats_add(s, "documents", "docs", ...)    stats_look(name, &snapshot)
 *   stats_begin(s)                                snapshot.v[i].name, .value
 *   stats_set(s, i, value), ...
 *   stats_end(s)
 *   stats_close(s)
 *
 * Byte layout: shm/stats.md. The values between begin and end appear together (a sequence lock: the reader
 * reads again when the writer was active). Writing costs a few stores; readers never slow the writer down. A
 * page names its process by pid and start time, so one that outlived its process is recognised. Every call
 * takes a NULL handle, so that a program works the same where there is no shared memory. No call prints or
 * exits.
 */
#ifndef SHM_STATS_H
#define SHM_STATS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    STATS_MAX = 56,  /* counters in a page */
    STATS_NAME = 32, /* bytes of a counter's or a stage's name, the final 0 included */
    STATS_UNIT = 16,
    STATS_LABEL = 64, /* bytes of a label: what the stage works on */
    STATS_FILE = 64,  /* bytes of a page's file name */
};

enum stats_kind {
    STATS_COUNTER, /* only grows: a reader may take differences for a rate */
    STATS_GAUGE,   /* goes up and down */
};

struct stats;

/* Creates the writer's page, under /dev/shm. -1 with errno: *out is NULL. label may be NULL. */
int stats_create(struct stats **out, const char *stage, const char *label);
/* Returns the index of a new counter, which starts at 0; -1: the page is full (stats_set ignores it). */
int stats_add(struct stats *s, const char *name, const char *unit, enum stats_kind kind);
void stats_begin(struct stats *s);
void stats_set(struct stats *s, int index, double value);
void stats_end(struct stats *s);
void stats_close(struct stats *s); /* removes the page; NULL is fine */

/* The content of a page, checked and copied. Names, units and labels hold printable ASCII only. */
struct stats_value {
    char name[STATS_NAME], unit[STATS_UNIT];
    enum stats_kind kind;
    double value;
};
struct stats_snapshot {
    char stage[STATS_NAME], label[STATS_LABEL];
    int pid;
    bool alive;
    int n;
    struct stats_value v[STATS_MAX];
};

/* Lists file names of this user's pages, at most cap, those of living processes first; -1 with errno. */
int stats_list(char (*names)[STATS_FILE], int cap);
/* Returns 0, or -1: the page is gone, is not ours, has another version, or is damaged. */
int stats_look(const char *name, struct stats_snapshot *out);
/* Removes a page whose process is gone. False: the process lives, or the page is not ours. */
bool stats_remove_dead(const char *name);

#endif
