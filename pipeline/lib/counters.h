/*
 * counters.h - what a program tells monitors about itself while it runs (shm/stats.h)
 *
 *   static struct counter documents = COUNTER("documents", "docs");
 *   counters_begin();
 *   counter_set(&documents, n);          a few stores: as often as one likes
 *   counters_end();                      now they appear together
 *
 * The page is made at the first counters_begin, and goes however the program ends, kill -9 excepted. Where
 * none can be made, nothing is told. Any thread may set counters; begin waits for another thread's end.
 */
#ifndef LIB_COUNTERS_H
#define LIB_COUNTERS_H

#include "shm/stats.h"

struct counter {
    const char *name, *unit;
    enum stats_kind kind;
    int index; /* in the page, plus 1; 0: not there yet */
};
#define COUNTER(name, unit)                                                                                  \
    {                                                                                                        \
        name, unit, STATS_COUNTER, 0                                                                         \
    }
#define GAUGE(name, unit)                                                                                    \
    {                                                                                                        \
        name, unit, STATS_GAUGE, 0                                                                           \
    }

/* What the page says the program works at: its command line. Copied. */
void counters_label(int argc, char *const *argv);
void counters_begin(void);
void counter_set(struct counter *c, double value);
void counters_end(void);

#endif
