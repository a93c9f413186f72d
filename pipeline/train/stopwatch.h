/*
 * stopwatch.h - how long training took: wall-clock and processor time of this process, without what is not
 * training
 *
 * Stopped while the model is validated or saved, so that two runs compare by their steps, jumps and probes
 * alone. A checkpoint carries what was measured so far.
 */
#ifndef TRAIN_STOPWATCH_H
#define TRAIN_STOPWATCH_H

struct stopwatch {
    double wall, cpu; /* seconds measured before the last start; cpu: user and system, all threads */
    double wall_from, cpu_from; /* clocks at that start; wall_from 0: stopped */
};

void stopwatch_start(struct stopwatch *s);
void stopwatch_stop(struct stopwatch *s);
void stopwatch_read(const struct stopwatch *s, double *wall, double *cpu); /* running or stopped */

#endif
