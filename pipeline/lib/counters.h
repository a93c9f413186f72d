/*
 * counters.h - the counters that a program publishes for monitors while it runs (shm/stats.h)
 *
 *   static struct counter documents = COUNTER("documents", "docs");
 *   counters_begin();
 *   counter_set(&documents, n);          a few stores: as often as one likes
 *   counters_end();                      now they appear together
 *
 * The page is made at the first counters_begin, and removed however the program ends, except by kill -9.
 * Where no page can be made, the calls do nothing. Any thread may set counters; counters_begin waits while
 * another thread is between begin and end.
 */
#ifndef LIB_COUNTERS_H
#define LIB_COUNTERS_H

#include "shm/stats.h"

struct counter {
    const char *name, *unit;
    enum stats_kind kind;
    int index; /* index in the page plus 1; 0: not added yet */
};
#define COUNTER(name, unit)                                                                                  \
    {                                                                                                        \
        name, unit, STATS_COUNTER, 0                                                                         \
    }
#define GAUGE(name, unit)                                                                                    \
    {                                                                                                        \
        name, unit, STATS_GAUGE, 0                                                                           \
    }

/* Sets the page's label, which says what the program works on: its command line. Copied. */
void counters_label(int argc, char *const *argv);
void counters_begin(void);
void counter_set(struct counter *c, double value);
void counters_end(void);

#endif
